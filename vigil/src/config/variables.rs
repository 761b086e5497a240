//! Every variable that is read: the one list of them.

/// A variable, or the same one for several signals.
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    /// Its name, or its names.
    pub names: &'static [&'static str],
    /// What it says.
    pub meaning: &'static str,
    /// What holds without it.
    pub default: &'static str,
    /// What its values are, and in which unit.
    pub values: &'static str,
    /// Which of several wins, beside the environment over code.
    pub order: &'static str,
}

macro_rules! variables {
    ($([$($name:literal),+] $meaning:literal, $default:literal, $values:literal, $order:literal;)+) => {
        &[$(Variable {
            names: &[$($name),+],
            meaning: $meaning,
            default: $default,
            values: $values,
            order: $order,
        }),+]
    };
}

/// The table of `docs/configuration.md`. A test holds the two, and what is read, together.
pub const VARIABLES: &[Variable] = variables! {
    ["OTEL_SDK_DISABLED"]
        "Nothing is recorded, logged or exported; propagation stays", "`false`", "boolean", "";
    ["OTEL_SERVICE_NAME"]
        "The service, `service.name`", "`unknown_service:` and the program's name", "text",
        "over `service.name` in `OTEL_RESOURCE_ATTRIBUTES`";
    ["OTEL_RESOURCE_ATTRIBUTES"]
        "Attributes of everything that is exported", "none", "`key=value,…`, percent-encoded",
        "each over the one of that key in code";
    ["OTEL_EXPORTER_OTLP_ENDPOINT"]
        "Where all signals go: the base to which `/v1/traces`, `/v1/metrics`, `/v1/logs` are added; for gRPC the host",
        "none: nothing is exported", "URL", "over `VIGIL_PRESET`";
    ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT"]
        "Where that signal goes, to the letter: nothing is added", "none", "URL",
        "over the general one and `VIGIL_PRESET`";
    ["OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL"]
        "How it is sent", "`http/protobuf`", "`http/protobuf`, `http/json`, `grpc`, as far as built in",
        "the signal's over the general one";
    ["OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_METRICS_HEADERS", "OTEL_EXPORTER_OTLP_LOGS_HEADERS"]
        "Headers of each request, or metadata of gRPC; never sent to a preset's address", "none",
        "`name=value,…`, percent-encoded", "the signal's instead of the general ones, not beside them";
    ["OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "OTEL_EXPORTER_OTLP_LOGS_TIMEOUT"]
        "For one export with all its retries; 0 for no limit", "10000", "milliseconds",
        "the signal's over the general one";
    ["OTEL_EXPORTER_OTLP_COMPRESSION", "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", "OTEL_EXPORTER_OTLP_LOGS_COMPRESSION"]
        "How requests are compressed", "`none`", "`none`, `gzip`", "the signal's over the general one";
    ["OTEL_EXPORTER_OTLP_CERTIFICATE", "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE", "OTEL_EXPORTER_OTLP_LOGS_CERTIFICATE"]
        "The authorities to trust instead of the system's", "the system's", "path of a PEM file",
        "the signal's over the general one";
    ["OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE", "OTEL_EXPORTER_OTLP_METRICS_CLIENT_CERTIFICATE", "OTEL_EXPORTER_OTLP_LOGS_CLIENT_CERTIFICATE"]
        "The certificate to present; needs the key", "none", "path of a PEM file",
        "the signal's over the general one";
    ["OTEL_EXPORTER_OTLP_CLIENT_KEY", "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY", "OTEL_EXPORTER_OTLP_METRICS_CLIENT_KEY", "OTEL_EXPORTER_OTLP_LOGS_CLIENT_KEY"]
        "The key of that certificate", "none", "path of a PEM file",
        "the signal's over the general one";
    ["OTEL_EXPORTER_OTLP_INSECURE", "OTEL_EXPORTER_OTLP_TRACES_INSECURE", "OTEL_EXPORTER_OTLP_METRICS_INSECURE", "OTEL_EXPORTER_OTLP_LOGS_INSECURE"]
        "A gRPC endpoint without `http://` or `https://` is reached without TLS", "`false`", "boolean",
        "the signal's over the general one; a scheme over both";
    ["OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER"]
        "Where that signal goes: `otlp` to the endpoint, or `http://localhost:4318` (gRPC: `4317`) if none is named; `console` to the log; `none` nowhere",
        "`otlp` where there is an endpoint", "`otlp`, `console`, `none`, several with commas", "";
    ["OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"]
        "Since when exported sums and histograms count", "`cumulative`", "`cumulative`, `delta`, `lowmemory`", "";
    ["OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION"]
        "Buckets of all histograms: those of the registry, or such as fit themselves to what is measured", "`explicit_bucket_histogram`",
        "`explicit_bucket_histogram`, `base2_exponential_bucket_histogram`", "";
    ["OTEL_TRACES_SAMPLER"]
        "Which traces are recorded", "`parentbased_always_on`",
        "`always_on`, `always_off`, `traceidratio`, `parentbased_always_on`, `parentbased_always_off`, `parentbased_traceidratio`",
        "over `VIGIL_SAMPLING_RATIO`";
    ["OTEL_TRACES_SAMPLER_ARG"]
        "The share of the samplers with a ratio; only with `OTEL_TRACES_SAMPLER`", "1", "number from 0 to 1", "";
    ["OTEL_PROPAGATORS"]
        "What travels to other processes", "`tracecontext,baggage`",
        "`tracecontext`, `baggage`, or `none`, several with commas", "";
    ["OTEL_BSP_SCHEDULE_DELAY"]
        "Spans leave at least this often", "5000", "milliseconds", "";
    ["OTEL_BSP_EXPORT_TIMEOUT"]
        "For the export of a batch of spans; 0 for no limit", "30000", "milliseconds", "";
    ["OTEL_BSP_MAX_QUEUE_SIZE"]
        "Spans that may wait; more are dropped and counted", "32768", "spans", "";
    ["OTEL_BSP_MAX_EXPORT_BATCH_SIZE"]
        "Spans in one request", "512, or the queue if that is smaller", "spans", "the queue's size bounds it";
    ["OTEL_BSP_MAX_CONCURRENT_EXPORTS"]
        "Requests with spans that may be under way at the same time; more than one only where one is too slow", "4", "requests", "";
    ["OTEL_BLRP_SCHEDULE_DELAY"]
        "Log records leave at least this often", "1000", "milliseconds", "";
    ["OTEL_BLRP_EXPORT_TIMEOUT"]
        "For the export of a batch of log records; 0 for no limit", "30000", "milliseconds", "";
    ["OTEL_BLRP_MAX_QUEUE_SIZE"]
        "Log records that may wait; more are dropped and counted", "32768", "log records", "";
    ["OTEL_BLRP_MAX_EXPORT_BATCH_SIZE"]
        "Log records in one request", "512, or the queue if that is smaller", "log records", "the queue's size bounds it";
    ["OTEL_METRIC_EXPORT_INTERVAL"]
        "Metrics leave this often; as log lines, no more often", "60000", "milliseconds", "";
    ["OTEL_METRIC_EXPORT_TIMEOUT"]
        "For one export of metrics; 0 for no limit", "30000", "milliseconds", "";
    ["OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"]
        "Text in an attribute of a span or log record", "no limit", "characters", "";
    ["OTEL_ATTRIBUTE_COUNT_LIMIT"]
        "Attributes of a span, event, link or log record", "128", "attributes", "";
    ["OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT"]
        "Text in an attribute of a span, its events and links", "no limit", "characters",
        "over `OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT`";
    ["OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT"]
        "Attributes of a span", "128", "attributes", "over `OTEL_ATTRIBUTE_COUNT_LIMIT`";
    ["OTEL_SPAN_EVENT_COUNT_LIMIT"]
        "Events of a span", "128", "events", "";
    ["OTEL_SPAN_LINK_COUNT_LIMIT"]
        "Links of a span", "128", "links", "";
    ["OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT"]
        "Attributes of a span's event", "128", "attributes", "over `OTEL_ATTRIBUTE_COUNT_LIMIT`";
    ["OTEL_LINK_ATTRIBUTE_COUNT_LIMIT"]
        "Attributes of a span's link", "128", "attributes", "over `OTEL_ATTRIBUTE_COUNT_LIMIT`";
    ["OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT"]
        "Text in an attribute of a log record", "no limit", "characters",
        "over `OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT`";
    ["OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT"]
        "Attributes of a log record", "128", "attributes", "over `OTEL_ATTRIBUTE_COUNT_LIMIT`";
    ["OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"]
        "Where content goes", "`NO_CONTENT`", "`NO_CONTENT`, `SPAN_ONLY`, `EVENT_ONLY`, `SPAN_AND_EVENT`",
        "over `VIGIL_CAPTURE_CONTENT`";
    ["VIGIL_CAPTURE_CONTENT"]
        "`true`: content goes onto spans, or where code says; `false`: nowhere", "`false`", "boolean", "";
    ["VIGIL_CAPTURE_CONTENT_MAX_BYTES"]
        "Size to which an attribute's content is cut, inside its JSON", "65536", "bytes", "";
    ["OTEL_SEMCONV_STABILITY_OPT_IN"]
        "Names that are emitted instead of those of v1.41.1: the latest, or with `/dup` both", "none: those of v1.41.1",
        "`gen_ai_latest_experimental`, `gen_ai_latest_experimental/dup`, categories of others, several with commas", "`/dup` over the same without";
    ["VIGIL_SAMPLING_RATIO"]
        "The share of traces that are recorded, unless a parent decides: `parentbased_traceidratio`", "1",
        "number from 0 to 1", "";
    ["VIGIL_LOG_FORMAT"]
        "How log lines look", "`pretty`", "`pretty`, `json`", "";
    ["VIGIL_SHUTDOWN_TIMEOUT"]
        "For handing over what there is when the process ends", "2000", "milliseconds", "";
    ["RUST_LOG"]
        "Which log lines are written; spans and metrics are exported whatever it says", "`info`", "filter directives", "";
    ["VIGIL_PRESET"]
        "The backend", "none", "`langfuse`, `langsmith`, `jaeger`, `tempo`, `none`", "";
    ["LANGFUSE_BASE_URL", "LANGFUSE_HOST"]
        "Preset `langfuse`: its address", "`https://cloud.langfuse.com`", "URL",
        "`LANGFUSE_BASE_URL` over `LANGFUSE_HOST`";
    ["LANGFUSE_PUBLIC_KEY", "LANGFUSE_SECRET_KEY"]
        "Preset `langfuse`: the project's keys", "none: nothing is exported there", "text", "";
    ["LANGSMITH_ENDPOINT"]
        "Preset `langsmith`: its address", "`https://api.smith.langchain.com`", "URL", "";
    ["LANGSMITH_API_KEY"]
        "Preset `langsmith`: the key", "none: nothing is exported there", "text", "";
    ["LANGSMITH_PROJECT"]
        "Preset `langsmith`: the project", "LangSmith's `default`", "text", "";
};

/// Variables of the specification that change nothing here: they are reported when set.
pub(super) const WITHOUT_EFFECT: &[(&str, &str)] = &[
    ("OTEL_CONFIG_FILE", "configuration files are not read"),
    (
        "OTEL_EXPERIMENTAL_CONFIG_FILE",
        "configuration files are not read",
    ),
    ("OTEL_METRICS_EXEMPLAR_FILTER", "exemplars are not recorded"),
    ("OTEL_LOG_LEVEL", "`RUST_LOG` says what is logged"),
];
