//! Backends that are known by name.

use super::*;

#[test]
fn langfuse_gets_traces_with_its_own_headers_and_nothing_else() {
    let resolved = langfuse_and(&[]);
    assert_eq!(
        urls(&resolved),
        [
            Some("https://cloud.langfuse.com/api/public/otel/v1/traces"),
            None,
            None
        ]
    );
    let target = traces(&resolved);
    assert_eq!(target.protocol, Protocol::HttpProtobuf);
    assert_eq!(
        header(target, "authorization"),
        Some("Basic cGs6c2std29yZA==")
    );
    assert_eq!(header(target, "x-langfuse-ingestion-version"), Some("4"));
    assert_eq!(warnings(&resolved), [""; 0]);

    for (name, value, expected) in [
        (
            "LANGFUSE_HOST",
            "http://localhost:3000/",
            "http://localhost:3000/api/public/otel/v1/traces",
        ),
        (
            "LANGFUSE_BASE_URL",
            "https://us.cloud.langfuse.com",
            "https://us.cloud.langfuse.com/api/public/otel/v1/traces",
        ),
        (
            "LANGFUSE_BASE_URL",
            "https://h/api/public/otel",
            "https://h/api/public/otel/v1/traces",
        ),
    ] {
        assert_eq!(
            url(&langfuse_and(&[(name, value)]), Signal::Traces),
            Some(expected)
        );
    }
    let both = langfuse_and(&[
        ("LANGFUSE_HOST", "http://a"),
        ("LANGFUSE_BASE_URL", "http://b"),
    ]);
    assert_eq!(
        url(&both, Signal::Traces),
        Some("http://b/api/public/otel/v1/traces")
    );
    assert_eq!(
        warnings(&both),
        ["`LANGFUSE_HOST`: `LANGFUSE_BASE_URL` is set as well: using `http://b`"]
    );
    let wrong = langfuse_and(&[("LANGFUSE_HOST", "localhost:3000")]);
    assert_eq!(
        warnings(&wrong),
        [
            "`LANGFUSE_HOST`: `localhost:3000` is no URL of `http://` or `https://`: using `https://cloud.langfuse.com`"
        ]
    );
}

#[test]
fn langsmith_gets_traces_with_its_key_and_project() {
    let resolved = from(&[
        ("VIGIL_PRESET", "LangSmith"),
        ("LANGSMITH_API_KEY", "key-word"),
        ("LANGSMITH_PROJECT", "agents"),
    ]);
    assert_eq!(
        urls(&resolved),
        [
            Some("https://api.smith.langchain.com/otel/v1/traces"),
            None,
            None
        ]
    );
    assert_eq!(header(traces(&resolved), "x-api-key"), Some("key-word"));
    assert_eq!(
        header(traces(&resolved), "langsmith-project"),
        Some("agents")
    );
    let own = resolve_with(
        &VigConfig::new().preset(Preset::Langsmith),
        &[
            ("LANGSMITH_API_KEY", "k"),
            ("LANGSMITH_ENDPOINT", "https://own/api/v1"),
        ],
    );
    assert_eq!(
        url(&own, Signal::Traces),
        Some("https://own/api/v1/otel/v1/traces")
    );
    assert_eq!(traces(&own).headers.len(), 1);
}

#[test]
fn jaeger_and_tempo_get_traces_on_this_machine() {
    for preset in ["jaeger", "tempo"] {
        let resolved = from(&[("VIGIL_PRESET", preset)]);
        assert_eq!(
            urls(&resolved),
            [Some("http://localhost:4318/v1/traces"), None, None]
        );
        let grpc = from(&[
            ("VIGIL_PRESET", preset),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ]);
        assert_eq!(urls(&grpc), [Some("http://localhost:4317"), None, None]);
        assert_eq!(traces(&grpc).headers.len(), 0);
    }
}

#[test]
fn a_preset_without_its_keys_exports_nothing_and_says_so() {
    let resolved = from(&[("VIGIL_PRESET", "langfuse"), ("LANGFUSE_PUBLIC_KEY", "pk")]);
    assert!(resolved.is_local());
    assert_eq!(
        warnings(&resolved),
        ["`LANGFUSE_SECRET_KEY`: is not set: nothing is exported to `langfuse`"]
    );
    assert_eq!(
        warned("VIGIL_PRESET", "langsmith"),
        "`LANGSMITH_API_KEY`: is not set: nothing is exported to `langsmith`"
    );
}

#[test]
fn a_presets_request_carries_no_other_headers_and_no_other_request_the_presets() {
    let general = (
        "OTEL_EXPORTER_OTLP_HEADERS",
        "authorization=other-word,x-other=1",
    );
    let resolved = langfuse_and(&[general, (OTLP_METRICS, "http://m/v1/metrics")]);
    let metrics = resolved.target(Signal::Metrics).unwrap();
    assert_eq!(header(metrics, "authorization"), Some("other-word"));
    assert_eq!(header(metrics, "x-langfuse-ingestion-version"), None);
    assert_eq!(
        header(traces(&resolved), "authorization"),
        Some("Basic cGs6c2std29yZA==")
    );
    assert_eq!(header(traces(&resolved), "x-other"), None);
    assert_eq!(warnings(&resolved), [""; 0]);

    let alone = langfuse_and(&[general]);
    assert_eq!(header(traces(&alone), "x-other"), None);
    assert_eq!(
        warnings(&alone),
        [
            "`OTEL_EXPORTER_OTLP_HEADERS`: headers of one's own are not sent to a preset's address: they are not sent"
        ]
    );

    let replaced = langfuse_and(&[(OTLP_TRACES, "http://t/x"), general]);
    assert_eq!(
        header(traces(&replaced), "authorization"),
        Some("other-word")
    );
    assert_eq!(
        header(traces(&replaced), "x-langfuse-ingestion-version"),
        None
    );

    let code = VigConfig::new()
        .preset(Preset::Langfuse)
        .header("x-other", "1");
    let resolved = resolve_with(&code, &LANGFUSE[1..]);
    assert_eq!(header(traces(&resolved), "x-other"), None);
    assert_eq!(resolved.warnings()[0].name(), "Otlp::header");
}

#[test]
fn the_environment_chooses_the_preset_before_code_and_can_choose_none() {
    let code = VigConfig::new().preset(Preset::Jaeger);
    assert_eq!(resolve_with(&code, &[]).preset(), Some(Preset::Jaeger));
    assert_eq!(
        resolve_with(&code, LANGFUSE).preset(),
        Some(Preset::Langfuse)
    );
    let none = resolve_with(&code, &[("VIGIL_PRESET", "none")]);
    assert!(none.preset().is_none() && none.is_local());
    // An endpoint in code is more than a preset in code, and less than one in the environment.
    let code = code.endpoint("http://code");
    assert_eq!(
        url(&resolve_with(&code, &[]), Signal::Traces),
        Some("http://code/v1/traces")
    );
    let resolved = resolve_with(&code, LANGFUSE);
    assert_eq!(
        urls(&resolved),
        [
            Some("https://cloud.langfuse.com/api/public/otel/v1/traces"),
            Some("http://code/v1/metrics"),
            Some("http://code/v1/logs"),
        ]
    );
}

#[test]
fn a_protocol_that_a_preset_does_not_take_is_reported() {
    let resolved = langfuse_and(&[("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc")]);
    assert_eq!(traces(&resolved).protocol, Protocol::HttpProtobuf);
    assert_eq!(
        warnings(&resolved),
        [
            "`OTEL_EXPORTER_OTLP_TRACES_PROTOCOL`: `langfuse` does not take `grpc`: using http/protobuf"
        ]
    );
    let json = langfuse_and(&[("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")]);
    assert_eq!(traces(&json).protocol, Protocol::HttpJson);
}

#[test]
fn vendor_keys_are_those_that_the_backend_reads() {
    let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_709_251_200);
    let keys = |preset: Preset, span: &[(&'static str, Value)]| {
        let attributes: Vec<_> = span.iter().map(|(key, value)| (*key, value)).collect();
        let extra = preset.vendor_attributes(start, attributes);
        let each = extra.iter().map(|it| format!("{}={}", it.key, it.value));
        each.collect::<Vec<_>>()
    };
    let chat = [
        ("gen_ai.operation.name", "chat".into()),
        ("gen_ai.provider.name", "anthropic".into()),
        ("gen_ai.request.model", "m".into()),
        ("gen_ai.response.model", "m-1".into()),
        ("gen_ai.response.time_to_first_chunk", Value::F64(0.25)),
        ("session.id", "s".into()),
    ];
    let agent = [
        ("gen_ai.operation.name", "invoke_agent".into()),
        ("gen_ai.conversation.id", "c".into()),
        ("gen_ai.provider.name", "anthropic".into()),
    ];
    let tool = [("gen_ai.operation.name", "execute_tool".into())];
    let phase = [
        ("life.loop_phase", "perceive".into()),
        ("life.session_id", "s".into()),
    ];
    assert_eq!(
        keys(Preset::Langfuse, &chat),
        [
            "langfuse.observation.type=generation",
            "langfuse.observation.completion_start_time=\"2024-03-01T00:00:00.250Z\"",
        ]
    );
    assert_eq!(
        keys(Preset::Langfuse, &agent),
        ["langfuse.observation.type=agent"]
    );
    assert_eq!(
        keys(Preset::Langfuse, &tool),
        ["langfuse.observation.type=tool"]
    );
    assert_eq!(
        keys(Preset::Langfuse, &phase),
        ["langfuse.observation.type=span"]
    );
    assert_eq!(
        keys(Preset::Langsmith, &chat),
        [
            "langsmith.span.kind=llm",
            "langsmith.metadata.session_id=s",
            "langsmith.metadata.ls_provider=anthropic",
            "langsmith.metadata.ls_model_name=m-1",
        ]
    );
    assert_eq!(
        keys(Preset::Langsmith, &agent),
        [
            "langsmith.span.kind=chain",
            "langsmith.metadata.session_id=c"
        ]
    );
    assert_eq!(keys(Preset::Langsmith, &tool), ["langsmith.span.kind=tool"]);
    assert_eq!(
        keys(Preset::Langsmith, &phase),
        [
            "langsmith.span.kind=chain",
            "langsmith.metadata.session_id=s"
        ]
    );
    for preset in [Preset::Jaeger, Preset::Tempo] {
        assert_eq!(keys(preset, &chat), [""; 0]);
    }
    let own = [("langfuse.observation.type", "evaluator".into())];
    assert_eq!(keys(Preset::Langfuse, &own), [""; 0]);
    assert_eq!(
        from(&[]).vendor_attributes(start, [("gen_ai.operation.name", &chat[0].1)]),
        []
    );
    // A time that no clock shows adds nothing.
    for seconds in [f64::NAN, -1.0, f64::INFINITY, 1e300] {
        let odd = [("gen_ai.response.time_to_first_chunk", Value::F64(seconds))];
        assert_eq!(
            keys(Preset::Langfuse, &odd),
            ["langfuse.observation.type=span"]
        );
    }
}
