//! From what code and the environment say to what holds.
//!
//! A setting is folded from the weakest source to the strongest: the default, code for all signals,
//! code for the signal, the environment for all signals, the environment for the signal. Each step
//! knows what held before it, so it can say what holds where it can't be read.

use std::time::Duration;

use opentelemetry::{Key, KeyValue, Value};

use super::env::{Env, is_ratio, no_limit_if_zero, ratio, show_duration, show_list, using};
use super::options::Named;
use super::outputs::outputs;
use super::text::{attributes, quote};
use super::variables::WITHOUT_EFFECT;
use super::{
    BatchConfig, CaptureContent, Limits, Output, Preset, Propagator, Resolved, Sampler,
    StabilityOptIn, VigConfig,
};
use crate::export::{Batch, Protocol};
use crate::generated::registry::REGISTRY;
use crate::log::parse_filter;

const SERVICE_NAME: &str = "service.name";
const METRIC_INTERVAL: Duration = Duration::from_secs(60);
const METRIC_TIMEOUT: Duration = Duration::from_secs(30);
const LOG_FILTER: &str = "info";
const CONTENT_MAX_BYTES: usize = 65_536;
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

pub(super) fn resolve(
    config: &VigConfig,
    lookup: &dyn Fn(&str) -> Option<String>,
    is_built_in: &dyn Fn(Protocol) -> bool,
) -> Resolved {
    let env = Env::new(lookup);
    for (name, reason) in WITHOUT_EFFECT {
        if env.text(name).is_some() {
            env.warn(*name, *reason, "it has no effect");
        }
    }
    let disabled = env
        .boolean("OTEL_SDK_DISABLED")
        .or(config.disabled)
        .unwrap_or(false);
    let (preset, preset_from_environment) = chosen_preset(config, &env);
    let outputs = outputs(config, &env, is_built_in, preset, preset_from_environment);
    let outputs = if disabled {
        [(); 3].map(|()| Output {
            off: true,
            ..Output::default()
        })
    } else {
        outputs
    };
    Resolved {
        disabled,
        outputs,
        preset,
        resource: resource(config, &env),
        sampler: sampler(config, &env),
        propagators: propagators(config, &env),
        span_batch: batch(config.span_batch, Batch::spans(), "BSP", "span", &env),
        log_batch: batch(config.log_batch, Batch::logs(), "BLRP", "log", &env),
        metric_interval: env.duration(
            "OTEL_METRIC_EXPORT_INTERVAL",
            checked(
                "VigConfig::metric_interval",
                config.metric_interval,
                METRIC_INTERVAL,
                |interval| !interval.is_zero(),
                &env,
            ),
            1,
        ),
        metric_timeout: env.timeout(
            "OTEL_METRIC_EXPORT_TIMEOUT",
            config
                .metric_timeout
                .map_or(METRIC_TIMEOUT, no_limit_if_zero),
        ),
        temporality: env.named(
            "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
            config.temporality.unwrap_or_default(),
        ),
        histograms: env.named(
            "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
            config.histograms.unwrap_or_default(),
        ),
        limits: limits(config.limits, &env),
        log_format: env.named("VIGIL_LOG_FORMAT", config.log_format.unwrap_or_default()),
        log_filter: log_filter(config, &env),
        capture_content: capture_content(config, &env),
        redaction: config.redaction.clone(),
        stability_opt_in: stability_opt_in(config, &env),
        content_max_bytes: env.number(
            "VIGIL_CAPTURE_CONTENT_MAX_BYTES",
            checked(
                "VigConfig::content_max_bytes",
                config.content_max_bytes,
                CONTENT_MAX_BYTES,
                |bytes| *bytes > 0,
                &env,
            ),
            1,
        ),
        shutdown_timeout: env.duration(
            "VIGIL_SHUTDOWN_TIMEOUT",
            config.shutdown_timeout.unwrap_or(SHUTDOWN_TIMEOUT),
            0,
        ),
        handle_signals: config.handle_signals.unwrap_or(true),
        panics_are_fatal: config.panics_are_fatal.unwrap_or(cfg!(panic = "abort")),
        warnings: env.into_warnings(),
    }
}

/// The preset, and whether the environment chose it.
fn chosen_preset(config: &VigConfig, env: &Env<'_>) -> (Option<Preset>, bool) {
    env.read(
        "VIGIL_PRESET",
        (config.preset, false),
        |text| match Preset::named(text) {
            Some(preset) => Ok((Some(preset), true)),
            None if text.eq_ignore_ascii_case("none") => Ok((None, true)),
            None => Err(format!(
                "{} is none of {}, `none`",
                quote(text),
                Preset::names()
            )),
        },
        |(preset, _)| preset.map_or_else(|| "none".to_owned(), |preset| preset.to_string()),
    )
}

fn log_filter(config: &VigConfig, env: &Env<'_>) -> String {
    let read = |text: &str| match parse_filter(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(error.to_string()),
    };
    let code = match config.log_filter.as_deref().map(read) {
        Some(Ok(filter)) => filter,
        Some(Err(problem)) => {
            env.warn("VigConfig::log_filter", problem, using(quote(LOG_FILTER)));
            LOG_FILTER.to_owned()
        }
        None => LOG_FILTER.to_owned(),
    };
    env.read("RUST_LOG", code, read, |filter| quote(filter))
}

fn propagators(config: &VigConfig, env: &Env<'_>) -> Vec<Propagator> {
    let mut code = Vec::new();
    for propagator in config
        .propagators
        .as_deref()
        .unwrap_or(&[Propagator::TraceContext, Propagator::Baggage])
    {
        if !code.contains(propagator) {
            code.push(*propagator);
        }
    }
    env.list("OTEL_PROPAGATORS", || show_list(&code))
        .unwrap_or(code)
}

fn resource(config: &VigConfig, env: &Env<'_>) -> Vec<KeyValue> {
    const ATTRIBUTES: &str = "OTEL_RESOURCE_ATTRIBUTES";
    let mut resource: Vec<KeyValue> = Vec::new();
    let mut put = |key: Key, value: Value| {
        resource.retain(|attribute| attribute.key != key);
        resource.push(KeyValue::new(key, value));
    };
    for attribute in &config.resource {
        put(attribute.key.clone(), attribute.value.clone());
    }
    if let Some(name) = &config.service_name {
        put(SERVICE_NAME.into(), name.clone().into());
    }
    match env.text(ATTRIBUTES).map(|list| attributes(&list)) {
        Some(Ok(attributes)) => {
            for (key, value) in attributes {
                put(key.into(), value.into());
            }
        }
        Some(Err(problem)) => env.warn(ATTRIBUTES, problem, "ignoring all of it"),
        None => {}
    }
    if let Some(name) = env.text("OTEL_SERVICE_NAME") {
        put(SERVICE_NAME.into(), name.into());
    }
    let named = resource.iter().any(|attribute| {
        attribute.key.as_str() == SERVICE_NAME && !attribute.value.as_str().is_empty()
    });
    if !named {
        resource.retain(|attribute| attribute.key.as_str() != SERVICE_NAME);
        resource.push(KeyValue::new(SERVICE_NAME, unknown_service()));
    }
    resource
}

/// The service's name where nobody gave one: what the specification says.
fn unknown_service() -> String {
    let program = std::env::current_exe().ok();
    match program.as_ref().and_then(|path| path.file_name()) {
        Some(name) => format!("unknown_service:{}", name.to_string_lossy()),
        None => "unknown_service".to_owned(),
    }
}

fn sampler(config: &VigConfig, env: &Env<'_>) -> Sampler {
    const STANDARD: &str = "OTEL_TRACES_SAMPLER";
    const ARGUMENT: &str = "OTEL_TRACES_SAMPLER_ARG";
    const OWN: &str = "VIGIL_SAMPLING_RATIO";
    let code = checked(
        "VigConfig::sampler",
        config.sampler,
        Sampler::default(),
        |sampler| sampler.ratio().is_none_or(is_ratio),
        env,
    );
    let standard = env.text(STANDARD).map(|text| {
        let known = Sampler::NAMES
            .iter()
            .find(|(name, _)| text.eq_ignore_ascii_case(name));
        known.map(|(_, sampler)| *sampler).ok_or(text)
    });
    let sampler = match &standard {
        Some(Ok(sampler)) => match sampler.ratio() {
            Some(default) => {
                sampler.with_ratio(env.read(ARGUMENT, default, ratio, ToString::to_string))
            }
            None => *sampler,
        },
        _ => env.read(
            OWN,
            code,
            |text| ratio(text).map(Sampler::ParentBasedTraceIdRatio),
            ToString::to_string,
        ),
    };
    if let Some(Err(text)) = &standard {
        let names: Vec<_> = Sampler::NAMES
            .iter()
            .map(|(name, _)| format!("`{name}`"))
            .collect();
        let problem = format!("{} is none of {}", quote(text), names.join(", "));
        env.warn(STANDARD, problem, using(sampler));
    }
    let takes_argument = matches!(&standard, Some(Ok(sampler)) if sampler.ratio().is_some());
    if env.text(ARGUMENT).is_some() && !takes_argument {
        let problem = match &standard {
            Some(Ok(sampler)) => format!("`{sampler}` takes no argument"),
            _ => format!("`{STANDARD}` names no sampler that takes it"),
        };
        env.warn(ARGUMENT, problem, using(sampler));
    }
    if env.text(OWN).is_some() && matches!(standard, Some(Ok(_))) {
        env.warn(OWN, format!("`{STANDARD}` is set as well"), using(sampler));
    }
    sampler
}

fn capture_content(config: &VigConfig, env: &Env<'_>) -> CaptureContent {
    const STANDARD: &str = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT";
    const OWN: &str = "VIGIL_CAPTURE_CONTENT";
    let code = config.capture_content.unwrap_or_default();
    let own = env.boolean(OWN).map(|capture| match (capture, code) {
        (false, _) => CaptureContent::NoContent,
        (true, CaptureContent::NoContent) => CaptureContent::SpanOnly,
        (true, code) => code,
    });
    if env.text(STANDARD).is_none() {
        return own.unwrap_or(code);
    }
    // What can't be read must not let content out, whatever code says.
    let capture = env.named(STANDARD, CaptureContent::NoContent);
    if own.is_some() {
        env.warn(OWN, format!("`{STANDARD}` is set as well"), using(capture));
    }
    capture
}

/// The variable is for all instrumentation of the process: categories of others are none of Vigil's
/// business, unless they look like one of its own.
fn stability_opt_in(config: &VigConfig, env: &Env<'_>) -> StabilityOptIn {
    const NAME: &str = "OTEL_SEMCONV_STABILITY_OPT_IN";
    let (name, mut opt_in) = match env.text(NAME) {
        Some(list) => (NAME, StabilityOptIn::from(list.as_str())),
        None => (
            "VigConfig::stability_opt_in",
            config.stability_opt_in.clone().unwrap_or_default(),
        ),
    };
    let known = REGISTRY.opt_in_categories();
    for (category, names) in opt_in.misspelt(&known) {
        let all: Vec<_> = known.iter().map(|it| format!("`{it}`")).collect();
        let all = all.join(", ");
        let said = quote(&format!("{category}{}", names.suffix()));
        let problem = format!("{said} is none of {all}, with or without `/dup`");
        env.warn(name, problem, "ignoring it");
        opt_in = opt_in.without(&category);
    }
    opt_in
}

fn limits(code: Limits, env: &Env<'_>) -> Limits {
    let count = |name: &str, current| env.number(name, current, 0);
    let of_all = |current| count("OTEL_ATTRIBUTE_COUNT_LIMIT", current);
    let length = |name: &str, current| {
        env.limit(
            name,
            env.limit("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", current),
        )
    };
    Limits {
        span_attributes: count(
            "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
            of_all(code.span_attributes),
        ),
        span_attribute_length: length(
            "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
            code.span_attribute_length,
        ),
        span_events: count("OTEL_SPAN_EVENT_COUNT_LIMIT", code.span_events),
        span_links: count("OTEL_SPAN_LINK_COUNT_LIMIT", code.span_links),
        event_attributes: count(
            "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
            of_all(code.event_attributes),
        ),
        link_attributes: count(
            "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
            of_all(code.link_attributes),
        ),
        log_attributes: count(
            "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT",
            of_all(code.log_attributes),
        ),
        log_attribute_length: length(
            "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT",
            code.log_attribute_length,
        ),
    }
}

/// A batch processor: its variables are `OTEL_BSP_…` or `OTEL_BLRP_…`, its setters `span_…` or
/// `log_…`.
fn batch(code: BatchConfig, default: Batch, variable: &str, setter: &str, env: &Env<'_>) -> Batch {
    let name = |part: &str| format!("OTEL_{variable}_{part}");
    let method = |part: &str| format!("VigConfig::{setter}_{part}");
    let size = |part, code, default| checked(&method(part), code, default, |size| *size > 0, env);
    let max_queue_size = env.number(
        &name("MAX_QUEUE_SIZE"),
        size("queue_size", code.queue_size, default.max_queue_size),
        1,
    );
    let batch_size = size(
        "batch_size",
        code.batch_size,
        default.max_export_batch_size.min(max_queue_size),
    );
    let concurrent = size(
        "concurrent_exports",
        code.concurrent,
        default.max_concurrent_exports,
    );
    let max_concurrent_exports = match variable {
        "BSP" => env.number(&name("MAX_CONCURRENT_EXPORTS"), concurrent, 1),
        // There is no such variable for log records.
        _ => concurrent,
    };
    let variable = name("MAX_EXPORT_BATCH_SIZE");
    let batch_size = env.number(&variable, batch_size, 1);
    if batch_size > max_queue_size {
        let set = env.text(&variable).is_some();
        env.warn(
            if set { variable } else { method("batch_size") },
            format!("`{batch_size}` is more than may wait"),
            using(max_queue_size),
        );
    }
    let delay = code.delay.unwrap_or(default.schedule_delay);
    let timeout = code
        .timeout
        .map_or(default.export_timeout, no_limit_if_zero);
    Batch {
        max_queue_size,
        max_queue_bytes: default.max_queue_bytes,
        max_export_batch_size: batch_size.min(max_queue_size),
        // No delay at all would keep a thread busy; a millisecond is as good as none.
        schedule_delay: env
            .duration(&name("SCHEDULE_DELAY"), delay, 0)
            .max(Duration::from_millis(1)),
        export_timeout: env.timeout(&name("EXPORT_TIMEOUT"), timeout),
        max_concurrent_exports,
    }
}

/// A value from code, if it is one that can hold, else the default.
fn checked<T: Copy + Show>(
    name: &str,
    code: Option<T>,
    default: T,
    valid: impl FnOnce(&T) -> bool,
    env: &Env<'_>,
) -> T {
    match code {
        Some(value) if valid(&value) => value,
        Some(value) => {
            let problem = format!("`{}` {}", value.show(), T::INVALID);
            env.warn(name, problem, using(default.show()));
            default
        }
        None => default,
    }
}

/// How a value from code is shown, and what is wrong with it when it can't hold.
trait Show {
    const INVALID: &'static str;
    fn show(&self) -> String;
}

impl Show for usize {
    const INVALID: &'static str = "is not a positive integer";
    fn show(&self) -> String {
        self.to_string()
    }
}

impl Show for Duration {
    const INVALID: &'static str = "is not a positive duration";
    fn show(&self) -> String {
        show_duration(self)
    }
}

impl Show for Sampler {
    const INVALID: &'static str = "has no ratio from 0 to 1";
    fn show(&self) -> String {
        self.to_string()
    }
}
