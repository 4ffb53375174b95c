//! A table of the configuration described for pages, which make their forms of it.

use serde_json::{Value, json};

use super::schema::{Absent, Key, Kind, Section};

/// The keys of a table: what each holds, within which bounds, and what holds without it.
#[must_use]
pub fn described(section: &Section) -> Value {
    section.keys.iter().map(key).collect()
}

fn key(key: &Key) -> Value {
    let mut described = match key.kind {
        Kind::Whole(least, most) => json!({ "kind": "whole", "least": least, "most": most }),
        Kind::Signed(least, most) => json!({ "kind": "whole", "least": least, "most": most }),
        Kind::Dates => json!({ "kind": "dates" }),
        Kind::Clock => json!({ "kind": "clock" }),
        Kind::Flag => json!({ "kind": "flag" }),
        Kind::Choice(choices) => json!({ "kind": "choice", "choices": choices }),
        Kind::Choices(choices) => json!({ "kind": "choices", "choices": choices }),
        Kind::Texts => json!({ "kind": "texts" }),
        Kind::Text | Kind::Name | Kind::Bind | Kind::Secret => json!({ "kind": "text" }),
        Kind::Skills => json!({ "kind": "table" }),
        Kind::Table(section) => json!({ "kind": "table", "keys": self::described(section) }),
        Kind::Tables(section) => json!({ "kind": "tables", "keys": self::described(section) }),
    };
    described["name"] = key.name.into();
    described["meaning"] = key.meaning.into();
    described["required"] = matches!(key.absent, Absent::Required).into();
    described["default"] = match key.absent {
        Absent::Is(toml) => read(toml),
        Absent::Required | Absent::Means(_) => Value::Null,
    };
    described
}

/// A default as the description writes it: a value in TOML.
fn read(toml: &str) -> Value {
    let table: Option<toml::Table> = format!("value = {toml}").parse().ok();
    let value = table.and_then(|mut table| table.remove("value"));
    value
        .and_then(|value| serde_json::to_value(value).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use rapport_domain::id::TenantId;

    use super::super::{keys, policy_from, policy_keys};
    use super::*;

    #[test]
    fn every_default_can_be_read() {
        for section in keys::ALL {
            for key in section.keys {
                if let Absent::Is(toml) = key.absent {
                    assert!(!read(toml).is_null(), "{} {}", section.name, key.name);
                }
            }
        }
    }

    #[test]
    fn rules_in_the_keys_of_the_file_read_back_as_they_were() {
        let tenant = TenantId::named("acme");
        let rules = policy_from(json!({ "queue": "out" }), tenant, &["out"]).unwrap();
        let keys = policy_keys(&rules, Some("out"));
        assert_eq!(policy_from(keys.clone(), tenant, &["out"]), Ok(rules));
        for key in keys::POLICY.keys {
            assert!(
                keys.get(key.name).is_some(),
                "{} is stored under another name than the file's",
                key.name
            );
        }
    }
}
