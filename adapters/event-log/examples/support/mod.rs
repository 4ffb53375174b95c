//! How our benches print: an aligned table for people, with `JSON=1` one object a line for `make bench`.
//!
//! Included by other crates' benches with `#[path]`.

use std::collections::BTreeMap;
use std::env;
use std::time::Duration;

/// What a figure has to reach.
#[derive(Clone, Copy, Debug)]
pub enum Budget {
    /// At least this.
    AtLeast(f64),
    /// At most this.
    AtMost(f64),
    /// It is only there to compare with.
    None,
}

impl Budget {
    fn holds(self, value: f64) -> Option<bool> {
        match self {
            Self::AtLeast(limit) => Some(value >= limit),
            Self::AtMost(limit) => Some(value <= limit),
            Self::None => None,
        }
    }

    fn text(self) -> String {
        match self {
            Self::AtLeast(limit) => format!(">= {}", figure(limit)),
            Self::AtMost(limit) => format!("<= {}", figure(limit)),
            Self::None => "-".to_owned(),
        }
    }
}

/// One line of the report.
pub struct Measured {
    name: String,
    value: f64,
    unit: &'static str,
    budget: Budget,
    beside: BTreeMap<String, f64>,
}

/// Collects what was measured and prints it.
#[derive(Default)]
pub struct Report {
    lines: Vec<Measured>,
    left_out: Vec<String>,
}

impl Report {
    /// Adds a figure, and what it is to be seen beside.
    pub fn add(
        &mut self,
        name: &str,
        value: f64,
        unit: &'static str,
        budget: Budget,
        beside: &[(&str, f64)],
    ) {
        let beside = beside
            .iter()
            .map(|(name, value)| ((*name).to_owned(), *value))
            .collect();
        self.lines.push(Measured {
            name: name.to_owned(),
            value,
            unit,
            budget,
            beside,
        });
    }

    /// Says what was not measured, and why.
    pub fn leave_out(&mut self, what: &str, why: &str) {
        self.left_out.push(format!("{what}: left out, {why}"));
    }

    /// Prints everything; whether every budget held.
    pub fn print(&self) -> bool {
        if env::var_os("JSON").is_some_and(|wanted| wanted == "1") {
            self.lines
                .iter()
                .for_each(|line| println!("{}", line.json()));
            self.left_out.iter().for_each(|line| eprintln!("{line}"));
        } else {
            self.print_table();
        }
        self.lines
            .iter()
            .all(|line| line.budget.holds(line.value) != Some(false))
    }

    fn print_table(&self) {
        let rows: Vec<[String; 5]> = self.lines.iter().map(Measured::row).collect();
        let heading = ["measured", "value", "budget", "", "beside"].map(str::to_owned);
        let width = |column: usize| {
            let cells = std::iter::once(&heading).chain(&rows);
            cells
                .map(|row| row[column].chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: [usize; 5] = std::array::from_fn(width);
        for row in std::iter::once(&heading).chain(&rows) {
            let [name, value, budget, verdict, beside] = row;
            println!(
                "{name:0$}  {value:>1$}  {budget:>2$}  {verdict:3$}  {beside}",
                widths[0], widths[1], widths[2], widths[3]
            );
        }
        self.left_out.iter().for_each(|line| println!("{line}"));
    }
}

impl Measured {
    fn row(&self) -> [String; 5] {
        let beside: Vec<String> = self
            .beside
            .iter()
            .map(|(name, value)| format!("{name} {}", figure(*value)))
            .collect();
        let verdict = match self.budget.holds(self.value) {
            Some(true) => "ok",
            Some(false) => "MISSED",
            None => "",
        };
        [
            self.name.clone(),
            format!("{} {}", figure(self.value), self.unit),
            self.budget.text(),
            verdict.to_owned(),
            beside.join(", "),
        ]
    }

    fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "budget": match self.budget {
                Budget::None => serde_json::Value::Null,
                _ => self.budget.text().into(),
            },
            "ok": self.budget.holds(self.value),
            "beside": self.beside,
        })
    }
}

/// A number as people read it: no digits that mean nothing, thousands apart.
fn figure(value: f64) -> String {
    if value.abs() < 100.0 {
        let digits = if value.fract() == 0.0 || value.abs() >= 10.0 {
            1
        } else {
            2
        };
        return format!("{value:.digits$}")
            .trim_end_matches(".0")
            .to_owned();
    }
    let whole = format!("{value:.0}");
    let (sign, digits) = whole
        .strip_prefix('-')
        .map_or(("", whole.as_str()), |digits| ("-", digits));
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    format!("{sign}{text}")
}

/// The duration below which `share` (0..=1) of the samples lie, in milliseconds; sorts them.
pub fn percentile_ms(samples: &mut [Duration], share: f64) -> f64 {
    samples.sort_unstable();
    let Some(last) = samples.len().checked_sub(1) else {
        return 0.0;
    };
    let place = ((last as f64) * share).round() as usize;
    samples[place.min(last)].as_secs_f64() * 1_000.0
}
