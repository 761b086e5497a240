//! The line of a typed span, for people.

use std::cell::RefCell;
use std::time::{Duration, SystemTime};

use opentelemetry::trace::Status;
use rustc_hash::FxHashMap;

use super::{Line, Style, dollars, readable, short, shown, value};
use crate::carrier::{EndedSpan, NamePart, SpanDefinition, Value};
use crate::log::number;
use crate::log::output::Buffers;
use crate::semconv::{error, gen_ai, life};

/// How wide a span's name is, with what it is indented by. The durations stand in a column.
const NAME: usize = 26;
/// How wide a duration is.
const DURATION: usize = 6;
/// As many as there are before the duration of a span without a name.
const SPACES: &str = "                                 ";
const _: () = assert!(
    SPACES.len() == NAME + 1 + DURATION,
    "durations stand in a column"
);

/// The line of a typed span.
pub(in crate::log) fn span(
    buffers: &mut Buffers,
    now: SystemTime,
    span: &EndedSpan<'_>,
    color: bool,
) {
    let Buffers { line, aside } = buffers;
    let mut line = Line { text: line, color };
    let failed = matches!(span.status(), Status::Error { .. });
    line.place(now, span.depth());
    span.write_name(aside);
    let style = if failed { Style::RedBold } else { Style::Bold };
    let mut width = 0;
    line.paint(style, |text| {
        let start = text.len();
        shown(text, aside);
        width = text[start..].chars().count();
    });
    aside.clear();
    readable(aside, span.duration());
    let width = NAME.saturating_sub(2 * span.depth() + width)
        + 1
        + DURATION.saturating_sub(aside.chars().count());
    line.text.push_str(SPACES.get(..width).unwrap_or(SPACES));
    line.paint(Style::Cyan, |text| text.push_str(aside));
    aside.clear();

    let said = Said::of(span, Line { text: aside, color });
    outcome(&mut line, span, &said);
    tokens(&mut line, &said);
    if let Some(Value::Texts(reasons)) = said.get(Part::FinishReasons) {
        let mut between = "  ";
        for reason in reasons {
            line.text.push_str(between);
            shown(line.text, reason.as_str());
            between = ",";
        }
        if reasons.is_empty() {
            line.text.push_str("  ");
        }
    }
    if let Some(Value::Double(seconds)) = said.get(Part::FirstChunk)
        && let Ok(first) = Duration::try_from_secs_f64(*seconds)
    {
        line.text.push_str("  first chunk ");
        readable(line.text, first);
    }
    budget(&mut line, &said);
    if let (Some(from), Some(to)) = (said.get(Part::ModeFrom), said.get(Part::ModeTo)) {
        line.text.push_str("  mode ");
        line.paint(Style::Yellow, |text| {
            one(text, from);
            text.push('→');
            one(text, to);
        });
    } else if let Some(mode) = said.get(Part::Mode) {
        line.text.push_str("  mode ");
        one(line.text, mode);
    }
    if let Some(provider) = said.get(Part::Provider) {
        line.text.push_str("  ");
        one(line.text, provider);
    } else if !aside.is_empty() {
        line.text.push(' ');
    }
    line.text.push_str(aside);
}

/// How it ended, if that says anything.
fn outcome(line: &mut Line<'_>, span: &EndedSpan<'_>, said: &Said<'_>) {
    let status = said.get(Part::ToolStatus);
    let Status::Error { description } = span.status() else {
        if let Some(status) = status {
            line.text.push_str("  ");
            line.paint(Style::Green, |text| one(text, status));
        }
        return;
    };
    let error_type = said.get(Part::ErrorType);
    // `error` and `cancelled` say no more than the error does.
    let is_telling = |status: &&Value| {
        error_type != Some(*status) && status.as_text().is_none_or(|status| status != "error")
    };
    line.text.push_str("  ");
    line.paint(Style::Red, |text| {
        text.push('✗');
        if let Some(status) = status.filter(is_telling) {
            text.push(' ');
            one(text, status);
        }
        // Where there is no type, its place is empty.
        text.push(' ');
        if let Some(error_type) = error_type {
            one(text, error_type);
        }
        if !description.is_empty() {
            text.push_str(": ");
            shown(text, description);
        }
    });
}

/// `1200→85 tokens [800 cached]`
fn tokens(line: &mut Line<'_>, said: &Said<'_>) {
    let text = &mut *line.text;
    let (input, output) = (said.get(Part::InputTokens), said.get(Part::OutputTokens));
    let of_these = [
        (Part::CachedTokens, " cached"),
        (Part::TokensToCache, " to cache"),
        (Part::ReasoningTokens, " reasoning"),
    ];
    let mut of_these = of_these
        .into_iter()
        .filter_map(|(part, word)| Some((said.get(part)?, word)))
        .peekable();
    if input.is_none() && output.is_none() && of_these.peek().is_none() {
        return;
    }
    text.push_str("  ");
    if let Some(input) = input {
        value(text, input);
    }
    if let (Some(_), Some(_)) = (input, output) {
        text.push('→');
    }
    if let Some(output) = output {
        value(text, output);
    }
    text.push_str(match (input, output) {
        (Some(_), Some(_)) => " tokens",
        (Some(_), None) => " tokens in",
        (None, Some(_)) => " tokens out",
        (None, None) => "tokens",
    });
    let mut between = " [";
    for (count, word) in of_these {
        text.push_str(between);
        value(text, count);
        text.push_str(word);
        between = ", ";
    }
    if between == ", " {
        text.push(']');
    }
}

/// `budget 98500 tokens, $4.20, 30.0s, 12 calls`
fn budget(line: &mut Line<'_>, said: &Said<'_>) {
    let text = &mut *line.text;
    let mut between = "  budget ";
    let mut next = |text: &mut String, part| {
        let amount = said.get(part)?;
        text.push_str(std::mem::replace(&mut between, ", "));
        Some(amount)
    };
    if let Some(tokens) = next(text, Part::BudgetTokens) {
        value(text, tokens);
        text.push_str(" tokens");
    }
    match next(text, Part::BudgetCost) {
        Some(Value::Double(cost)) => dollars(text, *cost),
        Some(cost) => {
            text.push('$');
            value(text, cost);
        }
        None => {}
    }
    match next(text, Part::BudgetTime) {
        Some(Value::Int(time)) => {
            if let Ok(time) = u64::try_from(*time) {
                readable(text, Duration::from_millis(time));
            } else {
                number::int(text, *time);
                text.push_str("ms");
            }
        }
        Some(time) => value(text, time),
        None => {}
    }
    if let Some(calls) = next(text, Part::BudgetCalls) {
        value(text, calls);
        text.push_str(" calls");
    }
}

/// A value that says by itself what it is.
fn one(line: &mut String, one: &Value) {
    match one {
        Value::Text(text) => shown(line, text.as_str()),
        other => value(line, other),
    }
}

/// What has a place of its own in the line.
#[derive(Clone, Copy)]
enum Part {
    ErrorType,
    ToolStatus,
    InputTokens,
    OutputTokens,
    CachedTokens,
    TokensToCache,
    ReasoningTokens,
    FinishReasons,
    FirstChunk,
    BudgetTokens,
    BudgetCost,
    BudgetTime,
    BudgetCalls,
    ModeFrom,
    ModeTo,
    Mode,
    Provider,
}

const PARTS: [(&str, Part); 17] = [
    (error::TYPE, Part::ErrorType),
    (life::TOOL_STATUS, Part::ToolStatus),
    (gen_ai::USAGE_INPUT_TOKENS, Part::InputTokens),
    (gen_ai::USAGE_OUTPUT_TOKENS, Part::OutputTokens),
    (gen_ai::USAGE_CACHE_READ_INPUT_TOKENS, Part::CachedTokens),
    (
        gen_ai::USAGE_CACHE_CREATION_INPUT_TOKENS,
        Part::TokensToCache,
    ),
    (gen_ai::USAGE_REASONING_OUTPUT_TOKENS, Part::ReasoningTokens),
    (gen_ai::RESPONSE_FINISH_REASONS, Part::FinishReasons),
    (gen_ai::RESPONSE_TIME_TO_FIRST_CHUNK, Part::FirstChunk),
    (life::BUDGET_TOKENS_REMAINING, Part::BudgetTokens),
    (life::BUDGET_COST_REMAINING_USD, Part::BudgetCost),
    (life::BUDGET_TIME_REMAINING_MS, Part::BudgetTime),
    (life::BUDGET_TOOL_CALLS_REMAINING, Part::BudgetCalls),
    (life::MODE_FROM, Part::ModeFrom),
    (life::MODE_TO, Part::ModeTo),
    (life::OPERATING_MODE, Part::Mode),
    (gen_ai::PROVIDER_NAME, Part::Provider),
];

impl Line<'_> {
    /// An attribute without a place of its own.
    fn named(&mut self, name: &str, attribute: &Value) {
        self.text.push(' ');
        match attribute {
            Value::Text(text) => self.attribute(name, text.as_str()),
            other => self.attribute_of(name, |text| value(text, other)),
        };
    }
}

/// What a span's attributes say.
struct Said<'a> {
    parts: [Option<&'a Value>; PARTS.len()],
}

impl<'a> Said<'a> {
    /// Sorts them. Those without a place of their own are written to `rest`, each behind a space.
    fn of(span: &'a EndedSpan<'_>, mut rest: Line<'_>) -> Self {
        let mut parts = [None; PARTS.len()];
        let definition = span.definition();
        for (key, attribute) in span.declared() {
            let role = Role::of(definition, key);
            let is_same = |from| span.attribute(from).is_some_and(|from| from == attribute);
            if role.is_said || role.filled_from.is_some_and(is_same) {
                continue;
            }
            match role.part {
                // The change says it as well.
                Some(Part::Mode) if is_moved(span) => {}
                Some(part) => {
                    parts[part as usize] = Some(attribute);
                    continue;
                }
                None => {}
            }
            rest.named(role.name, attribute);
        }
        for (key, attribute) in span.keyed() {
            rest.named(short(key), attribute);
        }
        for (key, attribute) in span.undeclared() {
            rest.named(short(key), &attribute);
        }
        Self { parts }
    }

    fn get(&self, part: Part) -> Option<&'a Value> {
        self.parts[part as usize]
    }
}

/// Whether it says which mode there was before, and which after.
fn is_moved(span: &EndedSpan<'_>) -> bool {
    [life::MODE_FROM, life::MODE_TO]
        .iter()
        .all(|key| span.attribute(key).is_some())
}

/// What an attribute is in the lines of a span type.
#[derive(Clone, Copy)]
struct Role {
    /// The name or the type of the span says the same.
    is_said: bool,
    /// Another attribute says the same if it has the same value.
    filled_from: Option<&'static str>,
    part: Option<Part>,
    /// How it is named without a place of its own.
    name: &'static str,
}

/// How many roles a thread remembers: more than a registry has.
const REMEMBERED: usize = 4096;

thread_local! {
    /// By span type and key, as addresses: both are static, and comparing texts takes its time.
    static ROLES: RefCell<FxHashMap<(usize, usize, usize), Role>> = RefCell::default();
}

impl Role {
    fn of(definition: &'static SpanDefinition, key: &'static str) -> Self {
        let place = (
            std::ptr::from_ref(definition).addr(),
            key.as_ptr().addr(),
            key.len(),
        );
        let remembered = ROLES.try_with(|roles| {
            let mut roles = roles.try_borrow_mut().ok()?;
            if let Some(role) = roles.get(&place) {
                return Some(*role);
            }
            let role = Self::new(definition, key);
            if roles.len() < REMEMBERED {
                roles.insert(place, role);
            }
            Some(role)
        });
        match remembered {
            Ok(Some(role)) => role,
            _ => Self::new(definition, key),
        }
    }

    fn new(definition: &SpanDefinition, key: &'static str) -> Self {
        let named = |part: &NamePart| matches!(part, NamePart::Key(other) if *other == key);
        let field = definition.field(key);
        Self {
            is_said: definition.name.iter().any(named)
                || field.is_some_and(|field| field.constant.is_some()),
            filled_from: field.and_then(|field| field.attribute.filled_from),
            part: PARTS
                .iter()
                .find_map(|(other, part)| (*other == key).then_some(*part)),
            name: short(key),
        }
    }
}
