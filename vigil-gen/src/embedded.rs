//! Vigil's own templates, for whoever brings none.

macro_rules! embedded {
    ($($name:literal),*) => {
        &[$(($name, include_str!(concat!("../templates/", $name)))),*]
    };
}

/// The templates, by their file names.
pub(crate) const TEMPLATES: &[(&str, &str)] = embedded![
    "docs.html.j2",
    "docs_index.md.j2",
    "docs_macros.j2",
    "docs_namespace.md.j2",
    "docs_script.j2",
    "docs_style.j2",
    "events.j2",
    "grafana.json.j2",
    "index.j2",
    "macros.j2",
    "metrics.j2",
    "prometheus_macros.j2",
    "prometheus_rules.yaml.j2",
    "records.j2",
    "registry.j2",
    "schema.yaml.j2",
    "semconv.j2",
    "spans.j2"
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use super::*;

    #[test]
    fn every_template_of_the_workspace_is_built_in() {
        let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/../templates");
        let there: BTreeSet<String> = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        let listed: BTreeSet<String> = TEMPLATES
            .iter()
            .map(|(name, _)| (*name).to_owned())
            .collect();
        assert_eq!(there, listed, "list it in src/embedded.rs");
    }
}
