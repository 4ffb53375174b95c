//! docs/CONFIGURATION.md, made from the descriptions the checks use.

use std::fmt::Write as _;

use super::keys::ALL;
use super::schema::Absent;

const HEAD: &str = "\
# Configuration

<!-- Made from services/hub/src/config/keys.rs; `UPDATE=1 cargo test -p rapport configuration` writes it anew. -->

The hub reads one TOML file, `rapport.toml` in the folder it runs in, or the one named by `--config`. The smallest useful
one is a tenant with a queue, an agent and an access point; `rapport.example.toml` shows more. The file is checked as a
whole before anything is touched: every error names the key and the fix, and the program ends with exit code 2.
`rapport check-config` does only that, and says in plain sentences what the file would start.

- Relative paths start at the folder the program runs in.
- A secret is a text, or `{ env = \"NAME\" }`: the value of that environment variable.
- Set-up of tenants is kept in the log. At every start the file is compared with it and differences are appended, so a
  change of the file takes effect at the next start, and set-up made through the HTTP interface stays unless the file says
  otherwise; the contact policy is compared by its text (see `[tenant.policy]`). Leaving something out of the file does not remove it: use `DELETE` in the HTTP interface.
- Request bodies of `/api/v1/setup` have the same keys, as JSON.
";

/// The text of docs/CONFIGURATION.md.
#[must_use]
pub fn reference() -> String {
    let mut text = HEAD.to_owned();
    for section in ALL {
        let title = if section.name.starts_with('[') {
            format!("`{}`", section.name)
        } else {
            "Top of the file".to_owned()
        };
        // Writing into a String does not fail.
        let _ = write!(
            text,
            "\n## {title}\n\n{}\n\n| key | value | default | meaning |\n|---|---|---|---|\n",
            section.about
        );
        for key in section.keys {
            let default = match key.absent {
                Absent::Required => "required".to_owned(),
                Absent::Is(value) => format!("`{value}`"),
                Absent::Means(what) => what.to_owned(),
            };
            let row = [
                format!("`{}`", key.name),
                key.kind.describe(),
                default,
                format!("{} Example: `{}`", key.meaning, key.example),
            ];
            let _ = writeln!(
                text,
                "| {} |",
                row.map(|cell| cell.replace('|', "\\|")).join(" | ")
            );
        }
    }
    text
}
