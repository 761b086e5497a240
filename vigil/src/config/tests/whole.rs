//! What is so of every configuration.

use super::*;

#[test]
fn secrets_are_never_shown() {
    let config = VigConfig::new()
        .header("x-key", "word")
        .endpoint("https://user:word@code/?token=word");
    let cases: &[&[(&str, &str)]] = &[
        &[],
        &[(OTLP, "https://user:word@env/?token=word")],
        &[
            (OTLP, "user:word@env"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a b=word,word,c=%word"),
        ],
        &[
            ("VIGIL_PRESET", "langfuse"),
            ("LANGFUSE_PUBLIC_KEY", "word"),
            ("LANGFUSE_SECRET_KEY", "word\u{7}"),
        ],
        &[
            ("VIGIL_PRESET", "langsmith"),
            ("LANGSMITH_API_KEY", "wörd-word"),
        ],
        &[
            ("VIGIL_PRESET", "langfuse"),
            ("LANGFUSE_HOST", "u:word@h"),
            ("LANGFUSE_SECRET_KEY", "word"),
        ],
    ];
    for variables in cases {
        let resolved = resolve_with(&config, variables);
        assert!(!format!("{config:?}").contains("word"), "{config:?}");
        assert!(!resolved.to_string().contains("word"), "{resolved}");
        assert!(
            !warnings(&resolved).concat().contains("word"),
            "{variables:?}"
        );
        for output in outputs::SIGNALS.map(|signal| resolved.output(signal)) {
            let shown = output.target().map(Target::shown_url).unwrap_or_default();
            assert!(!shown.contains("word"), "{shown}");
        }
    }
    // A user and password leave the URL, so that `Debug` can show it.
    let resolved = from(&[
        (OTLP, "https://user:word@env"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=word"),
    ]);
    assert!(!format!("{resolved:?}").contains("word"));
}

#[test]
fn what_holds_reads_well() {
    let resolved = resolve_with(
        &VigConfig::new().service_name("arcan"),
        &[
            LANGFUSE,
            &[
                ("OTEL_METRICS_EXPORTER", "console"),
                ("OTEL_LOGS_EXPORTER", "none"),
            ],
        ]
        .concat(),
    );
    let shown = resolved.to_string();
    let lines: Vec<_> = shown.lines().collect();
    assert_eq!(
        lines[..6],
        [
            "traces: http/protobuf to https://cloud.langfuse.com/api/public/otel/v1/traces, with \
             authorization, x-langfuse-ingestion-version, 10000 ms",
            "metrics: not exported, console",
            "logs: off",
            "preset: langfuse",
            "service.name: arcan",
            "sampler: parentbased_always_on",
        ]
    );
}

/// Every variable of the table is read, and none beside it (but for those without effect).
#[test]
fn the_list_of_variables_is_what_is_read() {
    let read = RefCell::new(BTreeSet::new());
    for preset in ["langfuse", "langsmith"] {
        let lookup = |name: &str| {
            read.borrow_mut().insert(name.to_owned());
            match name {
                "VIGIL_PRESET" => Some(preset.to_owned()),
                "LANGSMITH_API_KEY" => Some("key".to_owned()),
                "OTEL_TRACES_SAMPLER" => (preset == "langfuse").then(|| "traceidratio".to_owned()),
                OTLP_METRICS | "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT" => Some("http://c".to_owned()),
                _ => None,
            }
        };
        let _ = resolve::resolve(&VigConfig::new(), &lookup, ALL_BUILT_IN);
    }
    let read = read.into_inner();
    let without_effect = |name: &String| {
        variables::WITHOUT_EFFECT
            .iter()
            .any(|(other, _)| other == name)
    };
    let read: BTreeSet<_> = read
        .into_iter()
        .filter(|name| !without_effect(name))
        .collect();
    let listed: Vec<_> = VARIABLES
        .iter()
        .flat_map(|variable| variable.names)
        .collect();
    let distinct: BTreeSet<_> = listed.iter().map(|name| (**name).to_owned()).collect();
    assert_eq!(listed.len(), distinct.len());
    assert_eq!(read, distinct);
}

/// `docs/configuration.md` has the table as the code has it.
#[test]
fn the_documented_table_is_the_list() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md");
    let document = std::fs::read_to_string(path).unwrap();
    let row = |variable: &Variable| {
        let names: Vec<_> = variable
            .names
            .iter()
            .map(|name| format!("`{name}`"))
            .collect();
        format!(
            "| {} | {} | {} | {} | {} |",
            names.join("<br>"),
            variable.meaning,
            variable.default,
            variable.values,
            variable.order,
        )
    };
    let mut expected = vec![
        "| Variable | Meaning | Default | Values, unit | Which wins |".to_owned(),
        "|---|---|---|---|---|".to_owned(),
    ];
    expected.extend(VARIABLES.iter().map(row));
    let table: Vec<_> = document
        .lines()
        .skip_while(|line| !line.starts_with("| Variable |"))
        .take_while(|line| line.starts_with('|'))
        .collect();
    assert!(
        table == expected,
        "the table should be:\n{}\n",
        expected.join("\n")
    );
    for (name, reason) in variables::WITHOUT_EFFECT {
        assert!(
            document.contains(&format!("- `{name}`: {reason}")),
            "{name}: {reason}"
        );
    }
}

/// Whatever the environment says, there is an answer, and nothing panics.
#[test]
fn no_value_panics() {
    let pieces = [
        "",
        " ",
        ",",
        "=",
        "%",
        "%2",
        "%zz",
        "a",
        "é",
        "\u{0}",
        "://",
        "http://",
        "[",
        "]",
        "@",
        ":",
        "?",
        "#",
        "/",
        "none",
        "otlp",
        "grpc",
        "true",
        "langfuse",
        "langsmith",
        "jaeger",
        "traceidratio",
        "-1",
        "0",
        "1",
        "18446744073709551616",
        "NaN",
        "1e999",
        "\u{1F980}",
        "k=v",
        "http://h:1/p?q#f",
    ];
    let names: Vec<_> = VARIABLES
        .iter()
        .flat_map(|variable| variable.names)
        .collect();
    // A linear congruence is random enough, and the same in every run.
    let mut state = 0x2545_F491_u32;
    let mut next = |bound: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize % bound
    };
    for _ in 0..4_000 {
        let mut variables = std::collections::HashMap::new();
        for _ in 0..next(12) {
            let value: String = (0..next(5)).map(|_| pieces[next(pieces.len())]).collect();
            variables.insert(*names[next(names.len())], value);
        }
        let code = match next(3) {
            0 => VigConfig::new(),
            1 => VigConfig::new()
                .endpoint(pieces[next(pieces.len())])
                .header(pieces[next(pieces.len())], "v"),
            _ => VigConfig::new()
                .preset(Preset::Langsmith)
                .service_name(pieces[next(pieces.len())]),
        };
        let resolved = resolve::resolve(&code, &|name| variables.get(name).cloned(), ALL_BUILT_IN);
        let _ = (
            resolved.to_string(),
            resolved.resource(),
            format!("{resolved:?}"),
        );
        let batch = resolved.span_batch();
        assert!(
            batch.max_export_batch_size <= batch.max_queue_size && batch.max_export_batch_size > 0
        );
        assert!(resolved.sampler().ratio().is_none_or(env::is_ratio));
    }
}
