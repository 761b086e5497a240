//! Backends that are known by name.

use std::fmt;
use std::time::{Duration, SystemTime};

use opentelemetry::{KeyValue, Value};

use super::env::Env;
use super::options::Named;
use super::text::{Url, basic, quote, redact};
use crate::export::{Protocol, Secret, Signal};
use crate::semconv::gen_ai::{self, OperationName};
use crate::semconv::{life, session};

/// A backend that is known by name: its address, how it is spoken to, who one is there, and the
/// keys of its own that it reads.
///
/// Chosen with [`VigConfig::preset`](super::VigConfig::preset) or `VIGIL_PRESET`. A preset is for
/// the signals that the backend takes; the others go where an endpoint says, else nowhere. An
/// endpoint that is configured for a signal takes the preset's place there with all that belongs to
/// it, headers included; the keys stay, so that a collector in between can pass them on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// Langfuse: `LANGFUSE_BASE_URL`, `LANGFUSE_PUBLIC_KEY`, `LANGFUSE_SECRET_KEY`.
    Langfuse,
    /// LangSmith: `LANGSMITH_ENDPOINT`, `LANGSMITH_API_KEY`, `LANGSMITH_PROJECT`.
    Langsmith,
    /// Jaeger on this machine.
    Jaeger,
    /// Grafana Tempo on this machine.
    Tempo,
}

impl Named for Preset {
    const NAMES: &'static [(&'static str, Self)] = &[
        ("langfuse", Self::Langfuse),
        ("langsmith", Self::Langsmith),
        ("jaeger", Self::Jaeger),
        ("tempo", Self::Tempo),
    ];
}

/// What a preset is.
struct Backend {
    signals: &'static [Signal],
    /// The first is the one that it gets unless told otherwise.
    protocols: &'static [Protocol],
    keys: &'static [VendorKey],
}

/// A key of the backend's own, and what its value comes from.
struct VendorKey {
    key: &'static str,
    value: VendorValue,
}

enum VendorValue {
    /// What the span is, in the backend's words.
    Kind(fn(Work) -> &'static str),
    /// The first of these attributes that the span has.
    Copy(&'static [&'static str]),
    /// The same, on model calls only.
    CopyOnModelCall(&'static [&'static str]),
    /// When the model's first output came: a JSON string.
    FirstChunkTime,
}

/// What a span stands for.
#[derive(Clone, Copy)]
enum Work {
    Agent,
    ModelCall,
    Embedding,
    Retrieval,
    Tool,
    Other,
}

const LANGFUSE: Backend = Backend {
    signals: &[Signal::Traces],
    protocols: &[Protocol::HttpProtobuf, Protocol::HttpJson],
    keys: &[
        VendorKey {
            key: "langfuse.observation.type",
            value: VendorValue::Kind(|work| match work {
                Work::Agent => "agent",
                Work::ModelCall => "generation",
                Work::Embedding => "embedding",
                Work::Retrieval => "retriever",
                Work::Tool => "tool",
                Work::Other => "span",
            }),
        },
        VendorKey {
            key: "langfuse.observation.completion_start_time",
            value: VendorValue::FirstChunkTime,
        },
    ],
};

const LANGSMITH: Backend = Backend {
    signals: &[Signal::Traces],
    protocols: &[Protocol::HttpProtobuf, Protocol::HttpJson],
    keys: &[
        VendorKey {
            key: "langsmith.span.kind",
            value: VendorValue::Kind(|work| match work {
                Work::ModelCall => "llm",
                Work::Embedding => "embedding",
                Work::Retrieval => "retriever",
                Work::Tool => "tool",
                Work::Agent | Work::Other => "chain",
            }),
        },
        VendorKey {
            key: "langsmith.metadata.session_id",
            value: VendorValue::Copy(&[session::ID, gen_ai::CONVERSATION_ID, life::SESSION_ID]),
        },
        VendorKey {
            key: "langsmith.metadata.ls_provider",
            value: VendorValue::CopyOnModelCall(&[gen_ai::PROVIDER_NAME]),
        },
        VendorKey {
            key: "langsmith.metadata.ls_model_name",
            value: VendorValue::CopyOnModelCall(&[gen_ai::RESPONSE_MODEL, gen_ai::REQUEST_MODEL]),
        },
    ],
};

/// What takes traces on the ports of OTLP and reads no keys of its own.
const OTLP_TRACES: Backend = Backend {
    signals: &[Signal::Traces],
    protocols: &[Protocol::HttpProtobuf, Protocol::Grpc],
    keys: &[],
};

/// Where a preset's requests go, and who they say they come from.
pub(super) struct Destination {
    pub(super) url: String,
    pub(super) headers: Vec<(String, Secret)>,
}

impl Preset {
    /// Its name in `VIGIL_PRESET`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Langfuse => "langfuse",
            Self::Langsmith => "langsmith",
            Self::Jaeger => "jaeger",
            Self::Tempo => "tempo",
        }
    }

    const fn backend(self) -> &'static Backend {
        match self {
            Self::Langfuse => &LANGFUSE,
            Self::Langsmith => &LANGSMITH,
            Self::Jaeger | Self::Tempo => &OTLP_TRACES,
        }
    }

    /// The signals that the backend takes.
    pub const fn signals(self) -> &'static [Signal] {
        self.backend().signals
    }

    /// The protocols that the backend speaks, the preset's own first.
    pub const fn protocols(self) -> &'static [Protocol] {
        self.backend().protocols
    }

    /// Where requests go. `None` if something is missing, which is reported.
    pub(super) fn destination(self, protocol: Protocol, env: &Env<'_>) -> Option<Destination> {
        match self {
            Self::Langfuse => langfuse(env),
            Self::Langsmith => langsmith(env),
            Self::Jaeger | Self::Tempo => Some(Destination {
                url: super::outputs::default_url(protocol, Signal::Traces),
                headers: Vec::new(),
            }),
        }
    }

    /// The attributes of the backend's own that belong on a span, given when it started and the
    /// attributes that it has. A key that the span has already is left alone.
    ///
    /// ```
    /// use opentelemetry::Value;
    /// use vigil::config::Preset;
    ///
    /// let operation = Value::from("chat");
    /// let span = [("gen_ai.operation.name", &operation)];
    /// let extra = Preset::Langfuse.vendor_attributes(std::time::SystemTime::now(), span);
    /// assert_eq!(extra[0].key.as_str(), "langfuse.observation.type");
    /// assert_eq!(extra[0].value.as_str(), "generation");
    /// ```
    pub fn vendor_attributes<'a, A>(self, started: SystemTime, attributes: A) -> Vec<KeyValue>
    where
        A: IntoIterator<Item = (&'a str, &'a Value)>,
        A::IntoIter: Clone,
    {
        let keys = self.backend().keys;
        if keys.is_empty() {
            return Vec::new();
        }
        let attributes = attributes.into_iter();
        let get = |key: &str| {
            attributes
                .clone()
                .find_map(|(other, value)| (other == key).then_some(value))
        };
        let first = |keys: &[&str]| keys.iter().find_map(|key| get(key)).cloned();
        let work = Work::of(&get);
        keys.iter()
            .filter(|vendor| get(vendor.key).is_none())
            .filter_map(|vendor| {
                let value = match vendor.value {
                    VendorValue::Kind(name) => Value::from(name(work)),
                    VendorValue::Copy(keys) => first(keys)?,
                    VendorValue::CopyOnModelCall(keys) => match work {
                        Work::ModelCall | Work::Embedding => first(keys)?,
                        _ => return None,
                    },
                    VendorValue::FirstChunkTime => {
                        let Value::F64(seconds) = get(gen_ai::RESPONSE_TIME_TO_FIRST_CHUNK)? else {
                            return None;
                        };
                        let after = Duration::try_from_secs_f64(*seconds).ok()?;
                        Value::from(format!("\"{}\"", timestamp(started.checked_add(after)?)?))
                    }
                };
                Some(KeyValue::new(vendor.key, value))
            })
            .collect()
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Work {
    fn of<'a>(get: &impl Fn(&str) -> Option<&'a Value>) -> Self {
        let operation = match get(gen_ai::OPERATION_NAME) {
            Some(Value::String(name)) => OperationName::from(name.as_str()),
            _ => return Self::Other,
        };
        match operation {
            OperationName::Chat
            | OperationName::GenerateContent
            | OperationName::TextCompletion => Self::ModelCall,
            OperationName::Embeddings => Self::Embedding,
            OperationName::Retrieval => Self::Retrieval,
            OperationName::ExecuteTool => Self::Tool,
            OperationName::InvokeAgent | OperationName::CreateAgent => Self::Agent,
            _ => Self::Other,
        }
    }
}

fn langfuse(env: &Env<'_>) -> Option<Destination> {
    const URLS: [&str; 2] = ["LANGFUSE_BASE_URL", "LANGFUSE_HOST"];
    let [url, host] = URLS.map(|name| env.text(name));
    if let (Some(url), Some(host)) = (&url, &host)
        && url != host
    {
        env.warn(
            URLS[1],
            format!("`{}` is set as well", URLS[0]),
            format!("using {}", quote(&redact(url))),
        );
    }
    let name = if url.is_some() { URLS[0] } else { URLS[1] };
    let url = address(env, name, url.or(host), "https://cloud.langfuse.com");
    let public = key(env, Preset::Langfuse, "LANGFUSE_PUBLIC_KEY");
    let secret = key(env, Preset::Langfuse, "LANGFUSE_SECRET_KEY");
    let keys = format!("{}:{}", public?, secret?);
    Some(Destination {
        url: at(&url, "api/public/otel", "v1/traces"),
        headers: vec![
            ("authorization".to_owned(), basic(keys.as_bytes())),
            // Without it, what arrives shows only some ten minutes later.
            ("x-langfuse-ingestion-version".to_owned(), Secret::new("4")),
        ],
    })
}

fn langsmith(env: &Env<'_>) -> Option<Destination> {
    const URL: &str = "LANGSMITH_ENDPOINT";
    const PROJECT: &str = "LANGSMITH_PROJECT";
    let url = address(env, URL, env.text(URL), "https://api.smith.langchain.com");
    let mut headers = vec![(
        "x-api-key".to_owned(),
        Secret::new(key(env, Preset::Langsmith, "LANGSMITH_API_KEY")?),
    )];
    if let Some(project) = env.text(PROJECT) {
        if is_sendable(&project) {
            headers.push(("langsmith-project".to_owned(), Secret::new(project)));
        } else {
            let problem = format!("{} is not printable ASCII", quote(&project));
            env.warn(PROJECT, problem, "using LangSmith's own default");
        }
    }
    Some(Destination {
        url: at(&url, "otel", "v1/traces"),
        headers,
    })
}

/// The address of a backend, from its variable if that can be read.
fn address(env: &Env<'_>, name: &str, value: Option<String>, default: &str) -> Url {
    if let Some(text) = value {
        match Url::parse(&text, None) {
            Some(url) => return url,
            None => env.warn(
                name,
                format!(
                    "{} is no URL of `http://` or `https://`",
                    quote(&redact(&text))
                ),
                format!("using `{default}`"),
            ),
        }
    }
    Url::parse(default, None).expect("a constant that is a URL")
}

/// The URL under `base`, which may be part of the given address already.
fn at(address: &Url, base: &str, path: &str) -> String {
    if address.path_ends_with(base) {
        address.join(path)
    } else {
        address.join(&format!("{base}/{path}"))
    }
}

fn key(env: &Env<'_>, preset: Preset, name: &str) -> Option<String> {
    let outcome = format!("nothing is exported to `{preset}`");
    match env.text(name) {
        Some(key) if is_sendable(&key) => Some(key),
        Some(_) => {
            env.warn(name, "is not printable ASCII", outcome);
            None
        }
        None => {
            env.warn(name, "is not set", outcome);
            None
        }
    }
}

fn is_sendable(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// The time in UTC, to the millisecond: `2026-01-31T12:00:00.250Z`.
fn timestamp(time: SystemTime) -> Option<String> {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    let (days, seconds) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let (year, month, day) = date(days);
    Some(format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:03}Z",
        seconds / 3_600,
        seconds / 60 % 60,
        seconds % 60,
        since.subsec_millis(),
    ))
}

/// Year, month and day of the Gregorian calendar, so many days after 1970 began.
///
/// Years are counted from March, so that the leap day is a year's last.
fn date(days_since_1970: u64) -> (u64, u64, u64) {
    const DAYS_BEFORE_1970: u64 = 719_468; // since 1 March of the year 0
    const ERA: u64 = 146_097; // days of 400 years
    let days = days_since_1970 + DAYS_BEFORE_1970;
    let (era, day) = (days / ERA, days % ERA);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day_of_month = day - (153 * month + 2) / 5 + 1;
    let year = era * 400 + year;
    if month < 10 {
        (year, month + 3, day_of_month)
    } else {
        (year + 1, month - 9, day_of_month)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_utc() {
        let cases = [
            (0, 0, "1970-01-01T00:00:00.000Z"),
            (951_782_400, 0, "2000-02-29T00:00:00.000Z"),
            (1_709_251_199, 999, "2024-02-29T23:59:59.999Z"),
            (1_709_251_200, 0, "2024-03-01T00:00:00.000Z"),
            (1_798_761_599, 250, "2026-12-31T23:59:59.250Z"),
            (4_107_542_400, 0, "2100-03-01T00:00:00.000Z"),
        ];
        for (seconds, milliseconds, written) in cases {
            let time = SystemTime::UNIX_EPOCH
                + Duration::from_secs(seconds)
                + Duration::from_millis(milliseconds);
            assert_eq!(timestamp(time).as_deref(), Some(written));
        }
    }
}
