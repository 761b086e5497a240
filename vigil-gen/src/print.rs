//! The resolved registry as text, for people and for other programs.

use crate::registry::Registry;

/// How a resolved registry is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrintFormat {
    /// YAML, in blocks.
    Yaml,
    /// JSON, indented.
    Json,
}

impl Registry {
    /// All of it as text, in the same order whatever the order of the files. The keys are the names
    /// of the fields; where an enum of this crate stands, either a word or a mapping with one key.
    pub fn print(&self, format: PrintFormat) -> String {
        // Every value of a registry can be written in both formats.
        match format {
            PrintFormat::Yaml => {
                let mut text = Vec::new();
                let mut serializer = serde_yaml::Serializer::new(&mut text);
                let written =
                    serde_yaml::with::singleton_map_recursive::serialize(self, &mut serializer);
                written.map_or_else(
                    |_| String::new(),
                    |()| String::from_utf8(text).unwrap_or_default(),
                )
            }
            PrintFormat::Json => {
                let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
                text.push('\n');
                text
            }
        }
    }
}
