//! Progress of commands that take a while: on a terminal only, gone when they end.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar for so many of something.
pub fn of(all: u64, what: &str, unit: &str) -> ProgressBar {
    let bar = ProgressBar::new(all);
    let template = format!("{{msg}} {{wide_bar}} {{pos}}/{{len}} {unit}, {{eta}} left");
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style);
    }
    bar.set_message(what.to_owned());
    bar
}
