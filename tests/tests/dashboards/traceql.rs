//! TraceQL, as far as dashboards are written in it: whether a question is well formed, and what it names.

use std::iter::Peekable;

/// What a question names.
#[derive(Debug, Default)]
pub(crate) struct Question {
    /// Every `span.KEY`.
    pub(crate) attributes: Vec<String>,
    /// The attributes that something is calculated of.
    pub(crate) numbers: Vec<String>,
    /// What the names of spans are matched with.
    pub(crate) names: Vec<String>,
}

/// What begins a field, with what it may be compared with.
const INTRINSICS: [(&str, Operand); 4] = [
    ("duration", Operand::Number),
    (
        "kind",
        Operand::Keyword(&["client", "consumer", "internal", "producer", "server"]),
    ),
    ("name", Operand::Text),
    ("status", Operand::Keyword(&["error", "ok", "unset"])),
];

/// What aggregates an attribute over time.
const OVER_TIME: [&str; 4] = [
    "avg_over_time",
    "max_over_time",
    "min_over_time",
    "sum_over_time",
];

const COMPARISONS: [&str; 8] = ["!=", "!~", "<", "<=", "=", "=~", ">", ">="];

#[derive(Clone, Copy)]
enum Operand {
    Text,
    Number,
    Keyword(&'static [&'static str]),
    Any,
}

impl Question {
    /// Reads one; or says what is wrong with it.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let tokens = tokens(text)?;
        let mut reader = Reader {
            tokens: tokens.into_iter().peekable(),
            question: Self::default(),
        };
        reader.question()?;
        Ok(reader.question)
    }
}

struct Reader<T: Iterator<Item = String>> {
    tokens: Peekable<T>,
    question: Question,
}

impl<T: Iterator<Item = String>> Reader<T> {
    /// A selection of spans, and what is made of them.
    fn question(&mut self) -> Result<(), String> {
        self.expect("{")?;
        self.any_of()?;
        self.expect("}")?;
        while let Some(token) = self.tokens.next() {
            if token != "|" {
                return Err(format!("{token} after a selection"));
            }
            let function = self.next()?;
            if !OVER_TIME.contains(&function.as_str()) {
                return Err(format!("{function} is no function over time"));
            }
            self.expect("(")?;
            let field = self.next()?;
            let number = field.strip_prefix("span.");
            let number = number.ok_or_else(|| format!("{function} of {field}"))?;
            self.question.numbers.push(number.to_owned());
            self.question.attributes.push(number.to_owned());
            self.expect(")")?;
        }
        Ok(())
    }

    /// Conditions, joined and in parentheses.
    fn any_of(&mut self) -> Result<(), String> {
        loop {
            if self.tokens.next_if_eq("(").is_some() {
                self.any_of()?;
                self.expect(")")?;
            } else {
                self.condition()?;
            }
            let joined = self.tokens.next_if(|it| it == "&&" || it == "||");
            if joined.is_none() {
                return Ok(());
            }
        }
    }

    fn condition(&mut self) -> Result<(), String> {
        let field = self.next()?;
        let intrinsic = INTRINSICS.iter().find(|(name, _)| *name == field);
        let operand = match (intrinsic, field.strip_prefix("span.")) {
            (Some((_, operand)), _) => *operand,
            (None, Some(key)) if !key.is_empty() => {
                self.question.attributes.push(key.to_owned());
                Operand::Any
            }
            _ => return Err(format!("{field} is no field of a span")),
        };
        let comparison = self.next()?;
        if !COMPARISONS.contains(&comparison.as_str()) {
            return Err(format!("{comparison} compares nothing"));
        }
        let value = self.next()?;
        let text = value.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
        let number = value.starts_with(|c: char| c.is_ascii_digit());
        let fits = match operand {
            Operand::Text => text.is_some(),
            Operand::Number => number,
            Operand::Keyword(words) => words.contains(&value.as_str()),
            Operand::Any if comparison.ends_with('~') => text.is_some(),
            Operand::Any => text.is_some() || number || ["nil", "true", "false"].contains(&&*value),
        };
        if !fits {
            return Err(format!("{field} {comparison} {value}"));
        }
        if field == "name" {
            self.question.names.extend(text.map(str::to_owned));
        }
        Ok(())
    }

    fn next(&mut self) -> Result<String, String> {
        self.tokens.next().ok_or_else(|| "it ends early".to_owned())
    }

    fn expect(&mut self, token: &str) -> Result<(), String> {
        let found = self.next()?;
        if found == token {
            Ok(())
        } else {
            Err(format!("{found} in the place of {token}"))
        }
    }
}

/// Words, signs, and texts in their quotes.
fn tokens(text: &str) -> Result<Vec<String>, String> {
    let is_word = |c: char| c.is_alphanumeric() || "._".contains(c);
    let is_sign = |c: char| "&|=!~<>".contains(c);
    // To where something else begins.
    let run = |text: &str, of: &dyn Fn(char) -> bool| text.find(|c| !of(c)).unwrap_or(text.len());
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => rest[1..].find('"').ok_or("a text does not end")? + 2,
            '{' | '}' | '(' | ')' => 1,
            c if is_word(c) => run(rest, &is_word),
            c if is_sign(c) => run(rest, &is_sign),
            other => return Err(format!("{other} means nothing")),
        };
        tokens.push(rest[..length].to_owned());
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

#[test]
fn what_is_no_question_to_tempo_is_told() {
    for (text, wrong) in [
        ("{ span.a != nil } | avg_over_time(span.a)", ""),
        (
            r#"{ name =~ "chat.*" && (status = error || span.a > 2) }"#,
            "",
        ),
        ("{ span.a != nil ", "it ends early"),
        ("{ a != nil }", "a is no field of a span"),
        ("{ span.a nil }", "nil compares nothing"),
        ("{ span.a =~ 2 }", "span.a =~ 2"),
        ("{ status = failed }", "status = failed"),
        ("{ status = \"error\" }", "status = \"error\""),
        (r#"{name="chat"}"#, ""),
        ("{ name = chat }", "name = chat"),
        ("{ name = \"chat }", "a text does not end"),
        (
            "{ span.a = 1 } | mean(span.a)",
            "mean is no function over time",
        ),
        (
            "{ span.a = 1 } | avg_over_time(duration)",
            "avg_over_time of duration",
        ),
        ("{ span.a = 1 } }", "} after a selection"),
        ("{ span.a = 1; }", "; means nothing"),
    ] {
        let told = Question::read(text).err().unwrap_or_default();
        assert_eq!(told, wrong, "{text}");
    }
}
