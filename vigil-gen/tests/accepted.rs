//! What small, valid registries mean: one directory per case, one snapshot of its resolved form.

use std::fs;
use std::path::Path;

use vigil_gen::registry::{NamePart, RequirementLevel, SetTime, SpanName};
use vigil_gen::{Checked, PrintFormat, read_registry};

#[test]
fn every_valid_registry_means_what_its_snapshot_says() {
    let mut cases: Vec<String> = fs::read_dir("tests/accepted")
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    cases.sort();
    for case in cases {
        let resolved = accepted(&case).registry.print(PrintFormat::Yaml);
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(format!("accepted__{case}"), resolved);
        });
    }
}

#[test]
fn a_groups_attributes_stand_where_the_group_is_referred_to() {
    let checked = accepted("groups");
    let keys: Vec<&str> = checked.registry.groups["b.outer"]
        .attributes
        .iter()
        .map(|it| it.key.as_str())
        .collect();
    assert_eq!(keys, ["b.three", "b.one", "b.two"]);
}

#[test]
fn a_reference_refines_its_group_field_by_field() {
    let checked = accepted("groups");
    let two = &checked.registry.groups["b.outer"].attributes[2];
    assert_eq!(two.note, "Refined.");
    assert_eq!(two.brief, "Two, inside.");
    assert_eq!(
        two.level,
        RequirementLevel::Recommended(Some("Sometimes.".to_owned()))
    );
}

#[test]
fn a_reference_before_its_group_still_refines_it() {
    let checked = accepted("groups");
    let two = &checked.registry.events["b.happened"].attributes[0];
    assert_eq!(two.level, RequirementLevel::OptIn(None));
    assert_eq!(two.brief, "Two, inside.");
}

#[test]
fn a_reference_names_the_innermost_public_group_it_came_with() {
    let checked = accepted("groups");
    let origins: Vec<(&str, Option<&str>)> = checked.registry.events["b.happened"]
        .attributes
        .iter()
        .map(|it| (it.key.as_str(), it.from_group.as_deref()))
        .collect();
    let outer = Some("b.outer");
    assert_eq!(
        origins,
        [
            ("b.two", outer),
            ("b.three", outer),
            ("b.one", outer),
            ("b.four", None)
        ]
    );
}

#[test]
fn a_spans_records_follow_its_own_attributes_and_come_later() {
    let checked = accepted("contract");
    let phase = &checked.registry.spans["app.phase.internal"];
    let recorded: Vec<(&str, Option<&str>, SetTime)> = phase
        .attributes
        .iter()
        .map(|it| (it.key.as_str(), it.from_group.as_deref(), it.set))
        .collect();
    assert_eq!(
        recorded,
        [
            ("app.phase", None, SetTime::Start),
            ("error.type", None, SetTime::Runtime),
            ("app.tokens", Some("app.budget"), SetTime::Later),
            ("app.from", Some("app.move"), SetTime::Later),
            ("app.to", Some("app.move"), SetTime::Later),
        ]
    );
}

#[test]
fn a_link_counts_whichever_side_gives_it() {
    let checked = accepted("contract");
    assert_eq!(
        checked.registry.spans["app.tool.internal"].metrics,
        ["app.tool.duration", "app.usage"],
    );
    let record = |id: &str| {
        checked.registry.groups[id]
            .record
            .as_ref()
            .unwrap()
            .metrics
            .clone()
    };
    assert_eq!(record("app.budget"), ["app.tokens"]);
    assert_eq!(record("app.move"), ["app.moves"]);
}

#[test]
fn a_name_of_words_and_placeholders_is_a_pattern() {
    let checked = accepted("span-names");
    assert_eq!(
        checked.registry.spans["app.a.internal"].name,
        SpanName::Pattern(vec![
            NamePart::Word("run".to_owned()),
            NamePart::Key("app.name".to_owned())
        ]),
    );
}

#[test]
fn every_definition_can_be_found_again() {
    let checked = accepted("contract");
    let place = |at| checked.sources.position(at);
    assert_eq!(
        place(checked.locations.attribute("app.phase")),
        "tests/accepted/contract/app/attributes.yaml:6:10"
    );
    assert_eq!(
        place(checked.locations.member("app.phase", "act")),
        "tests/accepted/contract/app/attributes.yaml:7:67"
    );
    assert_eq!(
        place(checked.locations.span("app.agent.internal")),
        "tests/accepted/contract/app/spans.yaml:4:11"
    );
    assert_eq!(
        place(checked.locations.metric("app.tokens")),
        "tests/accepted/contract/app/metrics.yaml:3:11"
    );
    assert_eq!(
        place(checked.locations.event("app.moved")),
        "tests/accepted/contract/app/records.yaml:30:11"
    );
    assert_eq!(
        place(checked.locations.group("app.move")),
        "tests/accepted/contract/app/records.yaml:9:9"
    );
}

fn accepted(case: &str) -> Checked {
    match read_registry(&Path::new("tests/accepted").join(case)) {
        Ok(checked) => checked,
        Err(rejected) => panic!("{case} is refused:\n{rejected}"),
    }
}
