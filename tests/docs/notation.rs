//! Reading the documents: tokens in backticks, paths, names with their values.

/// A document without code blocks, its line breaks as spaces.
pub fn prose(document: &str) -> String {
    let outside = document.split("\n```").step_by(2);
    let text: String = outside.flat_map(|part| [part, "\n"]).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The part of a document under a heading, up to the next one.
pub fn section<'a>(document: &'a str, heading: &str) -> &'a str {
    let begin = document
        .find(heading)
        .unwrap_or_else(|| panic!("no section `{heading}`"));
    let rest = &document[begin + heading.len()..];
    rest.find("\n## ").map_or(rest, |end| &rest[..end])
}

pub const ENDINGS: [&str; 10] = [
    ".rs", ".ts", ".tsx", ".md", ".toml", ".sql", ".json", ".mjs", ".html", ".css",
];

pub fn is_path(token: &str) -> bool {
    let place =
        token.contains('/') && !token.contains([' ', '{', '<', '*']) && !token.starts_with('/');
    place && (token.ends_with('/') || ENDINGS.iter().any(|ending| token.ends_with(ending)))
}

/// What stands between two of these quotes.
pub fn tokens_of(text: &str, quote: char) -> Vec<&str> {
    text.split(quote).skip(1).step_by(2).collect()
}

/// A name that a document says a file defines, and the value it gives it.
#[derive(Debug, PartialEq)]
pub struct Named {
    pub file: String,
    pub name: String,
    pub value: Option<String>,
}

/// Splits at the token in backticks that the text begins with.
fn token(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix('`')?.split_once('`')
}

/// Every token in backticks.
pub fn tokens(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

pub fn names(text: &str) -> Vec<Named> {
    let mut all = vec![];
    let mut rest = text;
    while let Some(begin) = rest.find('`') {
        let Some((file, after)) = token(&rest[begin..]) else {
            break;
        };
        rest = after;
        let mut next = if is_path(file) {
            after.strip_prefix(" · ")
        } else {
            None
        };
        while let Some((name, after)) = next.and_then(token) {
            if is_path(name) {
                break;
            }
            let value = after.strip_prefix(" = ").map(|value| {
                let digits = value
                    .find(|c: char| !c.is_ascii_digit() && c != ',' && c != '.')
                    .unwrap_or(value.len());
                let unit = ["ms", "s"].into_iter().find(|unit| {
                    let behind = value[digits..]
                        .strip_prefix(' ')
                        .and_then(|behind| behind.strip_prefix(unit));
                    behind.is_some_and(|behind| !behind.starts_with(|c: char| c.is_alphanumeric()))
                });
                let number = value[..digits].trim_end_matches([',', '.']);
                let text = unit.map_or(number.to_owned(), |unit| format!("{number} {unit}"));
                let taken = number.len() + unit.map_or(0, |unit| unit.len() + 1);
                (text, &value[taken..])
            });
            let (value, after) = value.map_or((None, after), |(value, after)| (Some(value), after));
            all.push(Named {
                file: file.to_owned(),
                name: name.to_owned(),
                value,
            });
            rest = after;
            next = after.strip_prefix(", ");
        }
    }
    all
}

#[test]
fn names_are_read_with_their_values() {
    let text = "see `a/b.rs` · `f`, `BOUND` = 1,024, `WAIT` = 5 s, and `c/d.rs`.";
    let named = |name: &str, value: Option<&str>| Named {
        file: "a/b.rs".to_owned(),
        name: name.to_owned(),
        value: value.map(str::to_owned),
    };
    assert_eq!(
        names(text),
        [
            named("f", None),
            named("BOUND", Some("1,024")),
            named("WAIT", Some("5 s"))
        ]
    );
}
