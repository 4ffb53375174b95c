//! Finding values in JSON text and putting others in their place, byte for byte: what is not touched stays as it was
//! written.

use std::ops::Range;

use rapport_domain::registry::personal::Path;

/// The text is not an object as facts are written; nothing is known of what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unreadable;

/// Where the values at the ends of these paths are, in the order of the text. Absent and null ones are none.
pub(super) fn find(data: &[u8], paths: &[Path]) -> Result<Vec<Range<usize>>, Unreadable> {
    let mut found = Vec::with_capacity(paths.len());
    let end = walk(data, skip_space(data, 0), paths, 0, &mut found)?;
    if skip_space(data, end) == data.len() {
        Ok(found)
    } else {
        Err(Unreadable)
    }
}

/// The elements of an array.
pub(super) fn elements(data: &[u8]) -> Result<Vec<&[u8]>, Unreadable> {
    let mut found = Vec::new();
    let mut at = 0;
    if data.first() != Some(&b'[') {
        return Err(Unreadable);
    }
    loop {
        let start = at + 1;
        at = skip_value(data, start)?;
        found.push(&data[start..at]);
        match data.get(at) {
            Some(b',') => {}
            Some(b']') if at + 1 == data.len() => return Ok(found),
            _ => return Err(Unreadable),
        }
    }
}

/// Walks one object, whose keys are the steps of the paths at `depth`; answers where it ends.
fn walk(
    data: &[u8],
    start: usize,
    paths: &[Path],
    depth: usize,
    found: &mut Vec<Range<usize>>,
) -> Result<usize, Unreadable> {
    let mut at = skip_space(data, expect(data, start, b'{')?);
    if data.get(at) == Some(&b'}') {
        return Ok(at + 1);
    }
    loop {
        let after_key = skip_string(data, at)?;
        let key = &data[at + 1..after_key - 1];
        // It could be another way to write a key that is asked for.
        if key.contains(&b'\\') {
            return Err(Unreadable);
        }
        at = skip_space(data, expect(data, skip_space(data, after_key), b':')?);
        let steps = |path: &&Path| path.get(depth).is_some_and(|step| step.as_bytes() == key);
        let end = skip_value(data, at)?;
        if &data[at..end] != b"null" {
            let mut on_the_way = paths.iter().filter(steps).copied().peekable();
            match on_the_way.peek() {
                Some(path) if path.len() == depth + 1 => found.push(at..end),
                Some(_) => {
                    let deeper: Vec<Path> = on_the_way.collect();
                    walk(data, at, &deeper, depth + 1, found)?;
                }
                None => {}
            }
        }
        at = skip_space(data, end);
        match data.get(at) {
            Some(b',') => at = skip_space(data, at + 1),
            Some(b'}') => return Ok(at + 1),
            _ => return Err(Unreadable),
        }
    }
}

fn expect(data: &[u8], at: usize, byte: u8) -> Result<usize, Unreadable> {
    if data.get(at) == Some(&byte) {
        Ok(at + 1)
    } else {
        Err(Unreadable)
    }
}

fn skip_space(data: &[u8], mut at: usize) -> usize {
    while matches!(data.get(at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
        at += 1;
    }
    at
}

fn skip_string(data: &[u8], start: usize) -> Result<usize, Unreadable> {
    let mut at = expect(data, start, b'"')?;
    loop {
        match data.get(at) {
            Some(b'"') => return Ok(at + 1),
            Some(b'\\') => at += 2,
            Some(_) => at += 1,
            None => return Err(Unreadable),
        }
    }
}

/// Where the value ends that begins here. It is not checked further than that needs.
fn skip_value(data: &[u8], start: usize) -> Result<usize, Unreadable> {
    let mut at = start;
    let mut open = 0_usize;
    loop {
        match data.get(at).ok_or(Unreadable)? {
            b'"' => at = skip_string(data, at)?,
            b'{' | b'[' => {
                open += 1;
                at += 1;
            }
            b'}' | b']' => {
                open = open.checked_sub(1).ok_or(Unreadable)?;
                at += 1;
            }
            b',' | b':' | b' ' | b'\t' | b'\n' | b'\r' if open > 0 => at += 1,
            b',' | b':' | b' ' | b'\t' | b'\n' | b'\r' => return Err(Unreadable),
            _ => {
                while !matches!(
                    data.get(at),
                    None | Some(
                        b',' | b':'
                            | b'}'
                            | b']'
                            | b'{'
                            | b'['
                            | b'"'
                            | b' '
                            | b'\t'
                            | b'\n'
                            | b'\r'
                    )
                ) {
                    at += 1;
                }
            }
        }
        if open == 0 {
            return Ok(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATHS: &[Path] = &[&["point", "value"], &["text"]];

    fn texts(data: &str) -> Result<Vec<&str>, Unreadable> {
        let spans = find(data.as_bytes(), PATHS)?;
        Ok(spans.into_iter().map(|span| &data[span]).collect())
    }

    #[test]
    fn values_are_found_at_the_ends_of_their_paths_only() {
        let data = r#"{"a":[1,{"text":"no"}],"point":{"kind":"phone","value":"+49"},"text":"say \"x\", {"}"#;
        assert_eq!(texts(data), Ok(vec![r#""+49""#, r#""say \"x\", {""#]));
        let spaced = "{ \"text\" :\n [ 1, \"b\" ] , \"value\": true }\n";
        assert_eq!(texts(spaced), Ok(vec!["[ 1, \"b\" ]"]));
    }

    #[test]
    fn what_is_absent_or_null_is_no_value() {
        assert_eq!(texts(r#"{"point":null,"text":null}"#), Ok(vec![]));
        assert_eq!(texts(r#"{"point":{"value":null}}"#), Ok(vec![]));
        assert_eq!(texts("{}"), Ok(vec![]));
    }

    #[test]
    fn a_text_that_is_no_such_object_is_not_taken_for_one_without_values() {
        for data in [
            "",
            "null",
            "[]",
            "\"text\"",
            r#"{"text":"x"} {"text":"y"}"#,
            r#"{"text":"x""#,
            r#"{"text":}"#,
            r#"{"te\u0078t":"x"}"#,
            r#"{"point":"+49"}"#,
            r#"{"text""x"}"#,
            r#"{"a":"x"y}"#,
        ] {
            assert_eq!(texts(data), Err(Unreadable), "{data}");
        }
    }

    #[test]
    fn an_array_is_read_back_as_its_elements() {
        assert_eq!(
            elements(br#"["a,]\"",null,{"x":[1,2]}]"#),
            Ok(vec![
                br#""a,]\"""#.as_slice(),
                b"null".as_slice(),
                br#"{"x":[1,2]}"#.as_slice()
            ])
        );
        for broken in ["", "[", "[]", "[1", "[1]x", "{}"] {
            assert_eq!(elements(broken.as_bytes()), Err(Unreadable), "{broken}");
        }
    }
}
