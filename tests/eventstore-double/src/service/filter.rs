//! Filters of the log by stream or type.

use fancy_regex::Regex;
use tonic::Status;

use super::wire::read_req::options::FilterOptions;
use super::wire::read_req::options::filter_options::{Expression, Filter as Wire, Window};
use crate::log::Record;

/// Records the server looks at in one go when the client names no number.
const WINDOW: usize = 32;

enum Subject {
    Stream,
    Kind,
}

enum Rule {
    Prefixes(Vec<String>),
    Pattern(Box<Regex>),
}

/// Which records a reader wants, and how often a subscriber hears of the others.
pub(super) struct Filter {
    rule: Option<(Subject, Rule)>,
    /// A checkpoint after so many records that were looked at.
    pub interval: usize,
}

impl Filter {
    /// Everything.
    pub fn none() -> Filter {
        Filter {
            rule: None,
            interval: usize::MAX,
        }
    }

    /// Whether there is a rule at all.
    pub fn is_set(&self) -> bool {
        self.rule.is_some()
    }

    pub fn parse(options: FilterOptions) -> Result<Filter, Status> {
        let window = match options.window {
            Some(Window::Max(window)) => window as usize,
            Some(Window::Count(())) => WINDOW,
            None => return Err(Status::invalid_argument("the window is missing")),
        };
        let (subject, expression) = match options.filter {
            Some(Wire::StreamIdentifier(expression)) => (Subject::Stream, expression),
            Some(Wire::EventType(expression)) => (Subject::Kind, expression),
            None => return Err(Status::invalid_argument("the filter is empty")),
        };
        let multiplier = options.checkpoint_interval_multiplier.max(1) as usize;
        Ok(Filter {
            rule: Some((subject, rule(expression)?)),
            interval: window.max(1) * multiplier,
        })
    }

    pub fn wants(&self, record: &Record) -> bool {
        let Some((subject, rule)) = &self.rule else {
            return true;
        };
        let text = match subject {
            Subject::Stream => &*record.stream,
            Subject::Kind => &record.kind,
        };
        match rule {
            Rule::Prefixes(prefixes) => prefixes.iter().any(|prefix| text.starts_with(prefix)),
            Rule::Pattern(pattern) => pattern.is_match(text).unwrap_or(false),
        }
    }
}

fn rule(expression: Expression) -> Result<Rule, Status> {
    if expression.regex.is_empty() {
        return Ok(Rule::Prefixes(expression.prefix));
    }
    Regex::new(&expression.regex)
        .map(|pattern| Rule::Pattern(Box::new(pattern)))
        .map_err(|error| Status::invalid_argument(error.to_string()))
}
