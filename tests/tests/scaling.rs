//! The Collectors of `docs/scaling.md`: their configuration is YAML, and holds together.

use std::collections::BTreeSet;
use std::fs;

use serde_yaml::Value;

/// What a configuration defines under each of these, and what it makes use of.
const KINDS: [&str; 4] = ["extensions", "receivers", "processors", "exporters"];

fn configurations() -> Vec<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/scaling.md");
    let document = fs::read_to_string(path).expect("the document");
    let blocks = document.split("```yaml\n").skip(1);
    blocks
        .map(|block| {
            let (yaml, _) = block.split_once("```").expect("a block ends");
            serde_yaml::from_str(yaml).unwrap_or_else(|error| panic!("{error}:\n{yaml}"))
        })
        .collect()
}

fn keys(map: &Value) -> BTreeSet<&str> {
    let keys = map.as_mapping().into_iter().flat_map(|map| map.keys());
    keys.map(|key| key.as_str().expect("a name")).collect()
}

fn names(list: &Value) -> impl Iterator<Item = &str> {
    let list = list.as_sequence().into_iter().flatten();
    list.map(|name| name.as_str().expect("a name"))
}

/// Each value under that key, however deep.
fn under<'a>(key: &str, value: &'a Value, found: &mut Vec<&'a Value>) {
    match value {
        Value::Mapping(map) => {
            for (name, value) in map {
                if name.as_str() == Some(key) {
                    found.push(value);
                }
                under(key, value, found);
            }
        }
        Value::Sequence(list) => list.iter().for_each(|value| under(key, value, found)),
        _ => {}
    }
}

#[test]
fn everything_that_is_defined_is_used_and_the_other_way_round() {
    let configurations = configurations();
    assert_eq!(configurations.len(), 2, "two tiers");
    for configuration in &configurations {
        for kind in KINDS {
            let mut used: BTreeSet<_> = names(&configuration["service"][kind]).collect();
            let pipelines = configuration["service"]["pipelines"].as_mapping();
            for pipeline in pipelines.expect("pipelines").values() {
                used.extend(names(&pipeline[kind]));
            }
            assert_eq!(keys(&configuration[kind]), used, "{kind}");
        }
    }
}

#[test]
fn every_queue_is_kept_where_it_survives_a_restart() {
    for configuration in configurations() {
        let mut queues = Vec::new();
        under("sending_queue", &configuration, &mut queues);
        queues.retain(|queue| queue["enabled"] != Value::Bool(false));
        assert!(!queues.is_empty());
        for queue in queues {
            let storage = queue["storage"].as_str().expect("a storage");
            assert!(keys(&configuration["extensions"]).contains(storage));
        }
    }
}

#[test]
fn every_pipeline_limits_its_memory_first() {
    for configuration in configurations() {
        let pipelines = configuration["service"]["pipelines"].as_mapping();
        for (name, pipeline) in pipelines.expect("pipelines") {
            let first = names(&pipeline["processors"]).next();
            assert_eq!(first, Some("memory_limiter"), "{name:?}");
        }
    }
}

#[test]
fn policies_have_the_settings_of_their_type_and_know_the_registrys_names() {
    let mut policies = Vec::new();
    let configurations = configurations();
    for configuration in &configurations {
        under("policies", configuration, &mut policies);
    }
    let policies: Vec<_> = policies
        .iter()
        .filter_map(|it| it.as_sequence())
        .flatten()
        .collect();
    assert!(!policies.is_empty());
    for policy in policies {
        let kind = policy["type"].as_str().expect("a type");
        assert!(policy[kind].is_mapping(), "{policy:?}");
        if let Some(key) = policy[kind]["key"].as_str() {
            assert!(vigil::registry::REGISTRY.attribute(key).is_some(), "{key}");
        }
    }
}
