//! What a table of the configuration may hold, as data: one description serves the check of a file, the check of a
//! request body and the reference in docs/CONFIGURATION.md.

use rapport_domain::time::Date;
use serde_json::{Map, Value};

use super::problem::{Problem, Problems};

/// What a value looks like.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Any text.
    Text,
    /// A short name: lower-case letters, digits, `-`, `_` and `.`, at most 64.
    Name,
    /// A text, or `{ env = "NAME" }`.
    Secret,
    /// `true` or `false`.
    Flag,
    /// A whole number within bounds, both included.
    Whole(u64, u64),
    /// A whole number within bounds that may lie below zero, both included.
    Signed(i64, i64),
    /// A list of dates, `YYYY-MM-DD`.
    Dates,
    /// `host:port` of this machine.
    Bind,
    /// `HH:MM`.
    Clock,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A list of texts.
    Texts,
    /// A list of some of these words.
    Choices(&'static [&'static str]),
    /// Skill names and levels from 1 to 10.
    Skills,
    /// A table.
    Table(&'static Section),
    /// A list of tables, written `[[…]]`.
    Tables(&'static Section),
}

impl Kind {
    /// The words of the reference.
    #[must_use]
    pub fn describe(&self) -> String {
        let words = |words: &[&str]| {
            words
                .iter()
                .map(|word| format!("`\"{word}\"`"))
                .collect::<Vec<_>>()
                .join(", ")
        };
        match self {
            Self::Text => "text".to_owned(),
            Self::Name => "name (`a`-`z`, digits, `-`, `_`, `.`; at most 64)".to_owned(),
            Self::Secret => "text or `{ env = \"NAME\" }`".to_owned(),
            Self::Flag => "`true` or `false`".to_owned(),
            Self::Whole(least, most) => format!("whole number, {least} to {most}"),
            Self::Signed(least, most) => format!("whole number, {least} to {most}"),
            Self::Dates => "list of dates `\"YYYY-MM-DD\"`".to_owned(),
            Self::Bind => "`\"address:port\"`, port 0 for a free one".to_owned(),
            Self::Clock => "`\"HH:MM\"`".to_owned(),
            Self::Choice(choices) => format!("one of {}", words(choices)),
            Self::Texts => "list of texts".to_owned(),
            Self::Choices(choices) => format!("list of {}", words(choices)),
            Self::Skills => "table of skill = level, 1 to 10".to_owned(),
            Self::Table(section) => format!("table, see `{}`", section.name),
            Self::Tables(section) => format!("list of tables, see `{}`", section.name),
        }
    }
}

/// What holds when a key is left out.
#[derive(Clone, Copy, Debug)]
pub enum Absent {
    /// It may not be left out.
    Required,
    /// This value, as TOML.
    Is(&'static str),
    /// Nothing, which means this.
    Means(&'static str),
}

/// One key.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// What holds without it.
    pub absent: Absent,
    /// An example, as TOML.
    pub example: &'static str,
    /// What it means, in one sentence or two.
    pub meaning: &'static str,
}

/// One table.
#[derive(Debug)]
pub struct Section {
    /// Its name as the file writes it, such as `[[tenant.queue]]`.
    pub name: &'static str,
    /// What it is for.
    pub about: &'static str,
    /// Its keys.
    pub keys: &'static [Key],
}

impl Section {
    /// Checks a table: unknown keys, missing ones, types and bounds. Everything wrong is reported at once.
    pub fn check(&self, table: &Map<String, Value>, path: &str, problems: &mut Problems) {
        for (name, value) in table {
            match self.keys.iter().find(|key| key.name == name) {
                Some(key) => key.check(value, &join(path, name), problems),
                None => problems.add(
                    join(path, name),
                    "is not a key of this table",
                    self.suggest(name),
                ),
            }
        }
        for key in self.keys {
            if matches!(key.absent, Absent::Required) && !table.contains_key(key.name) {
                problems.add(
                    join(path, key.name),
                    "is missing",
                    format!("add `{} = {}`", key.name, key.example),
                );
            }
        }
    }

    fn suggest(&self, wrong: &str) -> String {
        let near = self
            .keys
            .iter()
            .map(|key| (distance(wrong, key.name), key.name))
            .min();
        match near {
            Some((distance, name)) if distance <= 2.max(wrong.len() / 3) => {
                format!("did you mean `{name}`?")
            }
            _ => {
                let names: Vec<_> = self.keys.iter().map(|key| key.name).collect();
                format!("remove it; known here: {}", names.join(", "))
            }
        }
    }
}

impl Key {
    fn check(&self, value: &Value, path: &str, problems: &mut Problems) {
        if let Some(wrong) = wrong(&self.kind, value, path, problems) {
            problems.add(
                path,
                wrong,
                format!(
                    "use {}, for example `{} = {}`",
                    plain(&self.kind),
                    self.name,
                    self.example
                ),
            );
        }
    }
}

fn plain(kind: &Kind) -> String {
    kind.describe().replace('`', "")
}

/// What is wrong with a value, when it is itself; tables report their own problems.
fn wrong(kind: &Kind, value: &Value, path: &str, problems: &mut Problems) -> Option<String> {
    let is = || format!("is {}", type_of(value));
    match kind {
        Kind::Text => (!value.is_string()).then(is),
        Kind::Name => match value.as_str() {
            None => Some(is()),
            Some(name) => (!is_name(name)).then(|| format!("is {name:?}, which is no name")),
        },
        Kind::Secret => match value {
            Value::String(_) => None,
            Value::Object(table)
                if table.len() == 1 && table.get("env").is_some_and(Value::is_string) =>
            {
                None
            }
            _ => Some(is()),
        },
        Kind::Flag => (!value.is_boolean()).then(is),
        Kind::Whole(least, most) => match (value.as_u64(), value.as_i64()) {
            (Some(number), _) => {
                (!(*least..=*most).contains(&number)).then(|| format!("is {number}"))
            }
            (None, Some(number)) => Some(format!("is {number}")),
            (None, None) => Some(is()),
        },
        Kind::Signed(least, most) => match value.as_i64() {
            Some(number) => (!(*least..=*most).contains(&number)).then(|| format!("is {number}")),
            None => Some(is()),
        },
        Kind::Dates => match value.as_array() {
            None => Some(is()),
            Some(list) => list
                .iter()
                .find(|one| one.as_str().is_none_or(|text| Date::parse(text).is_err()))
                .map(|one| format!("holds {one}")),
        },
        Kind::Bind => match value.as_str() {
            None => Some(is()),
            Some(text) => text
                .parse::<std::net::SocketAddr>()
                .is_err()
                .then(|| format!("is {text:?}")),
        },
        Kind::Clock => match value.as_str() {
            None => Some(is()),
            Some(text) => minute_of_day(text)
                .is_none()
                .then(|| format!("is {text:?}")),
        },
        Kind::Choice(choices) => match value.as_str() {
            None => Some(is()),
            Some(word) => (!choices.contains(&word)).then(|| format!("is {word:?}")),
        },
        Kind::Texts => match value.as_array() {
            None => Some(is()),
            Some(list) => list
                .iter()
                .find(|one| !one.is_string())
                .map(|one| format!("holds {}", type_of(one))),
        },
        Kind::Choices(choices) => match value.as_array() {
            None => Some(is()),
            Some(list) => list
                .iter()
                .find(|one| !one.as_str().is_some_and(|word| choices.contains(&word)))
                .map(|one| format!("holds {one}")),
        },
        Kind::Skills => match value.as_object() {
            None => Some(is()),
            Some(skills) => skills
                .iter()
                .find(|(name, level)| {
                    !is_name(name)
                        || !level
                            .as_u64()
                            .is_some_and(|level| (1..=10).contains(&level))
                })
                .map(|(name, level)| format!("says {name} = {level}")),
        },
        Kind::Table(section) => match value.as_object() {
            None => Some(is()),
            Some(table) => {
                section.check(table, path, problems);
                None
            }
        },
        Kind::Tables(section) => match value.as_array() {
            None => Some(is()),
            Some(list) => {
                for (place, one) in list.iter().enumerate() {
                    // A tenant is known by its name; everything else by its place, counted from 1.
                    let name = one
                        .get("name")
                        .and_then(Value::as_str)
                        .filter(|name| is_name(name));
                    let path = match (section.name, name) {
                        ("[[tenant]]", Some(name)) => format!("{path}.{name}"),
                        _ => format!("{path}[{}]", place + 1),
                    };
                    match one.as_object() {
                        Some(table) => section.check(table, &path, problems),
                        None => problems.push(Problem::new(
                            path,
                            format!("is {}", type_of(one)),
                            "use a table",
                        )),
                    }
                }
                None
            }
        },
    }
}

/// The name of a value's type, as somebody who writes TOML knows it.
fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "empty",
        Value::Bool(_) => "true or false",
        Value::Number(number) if number.is_f64() => "a number with a fraction",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a table",
    }
}

/// Whether a text may name something: it becomes part of ids, addresses and paths.
#[must_use]
pub fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| {
            b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.')
        })
}

/// Reads `HH:MM` as the minute of a day.
#[must_use]
pub fn minute_of_day(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let digits = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(hours) || !digits(minutes) {
        return None;
    }
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
}

pub(super) fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

/// The number of letters to change, add or take away (Levenshtein), for "did you mean".
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let changed = corner + usize::from(x != *y);
            corner = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(corner + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_are_read_as_minutes_and_nonsense_is_not() {
        assert_eq!(minute_of_day("20:30"), Some(1_230));
        for wrong in ["24:00", "8:00", "08:60", "0800", "+8:00", "noon"] {
            assert_eq!(minute_of_day(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn distance_counts_edits() {
        assert_eq!(distance("target_second", "target_seconds"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("same", "same"), 0);
    }
}
