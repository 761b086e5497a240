//! Values on their way: from a caller to the carrier, or into a struct and out of it again.

use crate::ir;
use crate::registry::PrimitiveType;

use super::imports::Imports;

/// The type of an attribute's values, as callers and the carrier know it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Shape {
    /// A type that others convert into: `Text`, `Int`, `f64`.
    Into(Element),
    /// A type of its own that can be copied: `bool`, `Duration`, a closed enum.
    Copy(String),
    /// An open enum.
    Open(String),
    /// A list.
    List(Element),
}

/// What lists hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Element {
    Text,
    Int,
    Double,
    Bool,
}

impl Element {
    pub(crate) fn of(primitive: PrimitiveType) -> Self {
        match primitive {
            PrimitiveType::String => Self::Text,
            PrimitiveType::Int => Self::Int,
            PrimitiveType::Double => Self::Double,
            PrimitiveType::Boolean => Self::Bool,
        }
    }

    /// As the carrier's methods take it.
    fn wire(self) -> &'static str {
        match self {
            Self::Text => "Text",
            Self::Int => "Int",
            Self::Double => "f64",
            Self::Bool => "bool",
        }
    }

    /// As a struct holds it.
    fn field(self) -> &'static str {
        match self {
            Self::Int => "i64",
            other => other.wire(),
        }
    }

    fn import(self, imports: &mut Imports) {
        match self {
            Self::Text => imports.carriers(&["Text"]),
            Self::Int => imports.carriers(&["Int"]),
            Self::Double | Self::Bool => {}
        }
    }
}

/// A value on its way from an argument to the carrier.
pub(crate) fn passing(shape: &Shape, name: &str, imports: &mut Imports) -> ir::Passing {
    let (argument, method) = match shape {
        Shape::Into(element) => {
            element.import(imports);
            (
                format!("impl Into<{}>", element.wire()),
                format!("set::<{}>", element.wire()),
            )
        }
        Shape::Copy(ty) => (ty.clone(), format!("set::<{ty}>")),
        Shape::Open(ty) => (format!("impl Into<{ty}>"), format!("set::<{ty}>")),
        Shape::List(element) => {
            element.import(imports);
            (
                format!("impl IntoIterator<Item = impl Into<{}>>", element.wire()),
                format!("set_all::<{}>", element.wire()),
            )
        }
    };
    ir::Passing {
        generics: String::new(),
        argument,
        method,
        value: name.to_owned(),
    }
}

/// The same for content, which is only made if it is captured.
pub(crate) fn sensitive_passing(shape: &Shape, name: &str, imports: &mut Imports) -> ir::Passing {
    let into = |ty: &str| ir::Passing {
        generics: format!("<T: Into<{ty}>>"),
        argument: "impl FnOnce() -> T".to_owned(),
        method: format!("set_sensitive::<{ty}, T>"),
        value: name.to_owned(),
    };
    match shape {
        Shape::Into(element) => {
            element.import(imports);
            into(element.wire())
        }
        Shape::Copy(ty) | Shape::Open(ty) => into(ty),
        Shape::List(element) => {
            element.import(imports);
            imports.carriers(&["Element", "Value"]);
            let ty = element.wire();
            ir::Passing {
                generics: String::new(),
                argument: format!("impl FnOnce() -> Vec<{ty}>"),
                method: "set_sensitive::<Value, Value>".to_owned(),
                value: format!("|| {ty}::array({name}())"),
            }
        }
    }
}

/// One element a call, for an array that appends and is recorded alone.
pub(crate) fn element_passing(
    shape: &Shape,
    name: &str,
    imports: &mut Imports,
) -> Option<ir::Passing> {
    let Shape::List(element) = shape else {
        return None;
    };
    element.import(imports);
    Some(ir::Passing {
        generics: String::new(),
        argument: format!("impl Into<{}>", element.wire()),
        method: format!("set_all::<{}>", element.wire()),
        value: format!("[{name}]"),
    })
}

/// A value in a struct: how it comes in, how it is kept, how it goes out.
pub(crate) fn held(shape: &Shape, name: &str, imports: &mut Imports) -> ir::Held {
    let ir::Passing {
        argument, method, ..
    } = passing(shape, name, imports);
    let (field, store, load) = match shape {
        Shape::Into(Element::Int) => (
            "i64".to_owned(),
            format!("{name}.into().get()"),
            Load::Copied,
        ),
        Shape::Into(Element::Text) => ("Text".to_owned(), format!("{name}.into()"), Load::Borrowed),
        Shape::Into(element) => (
            element.field().to_owned(),
            format!("{name}.into()"),
            Load::Copied,
        ),
        Shape::Copy(ty) => (ty.clone(), name.to_owned(), Load::Copied),
        Shape::Open(ty) => (
            ty.clone(),
            format!("{name}.into()"),
            Load::Cloned(".clone()"),
        ),
        Shape::List(element) => {
            let convert = match element {
                Element::Int => "|value| value.into().get()",
                _ => "Into::into",
            };
            let load = match element {
                Element::Text => Load::Borrowed,
                _ => Load::Cloned(".iter().copied()"),
            };
            (
                format!("Vec<{}>", element.field()),
                format!("{name}.into_iter().map({convert}).collect()"),
                load,
            )
        }
    };
    let place = match load {
        Load::Copied => format!("self.{name}"),
        Load::Borrowed | Load::Cloned(_) => format!("&self.{name}"),
    };
    let (load, load_given) = match load {
        Load::Copied | Load::Borrowed => (place.clone(), name.to_owned()),
        Load::Cloned(how) => (format!("self.{name}{how}"), format!("{name}{how}")),
    };
    ir::Held {
        argument,
        field,
        store,
        place,
        method,
        load,
        load_given,
    }
}

/// The same for content: kept as it is given, handed on only if it is captured.
pub(crate) fn sensitive_held(shape: &Shape, name: &str, imports: &mut Imports) -> ir::Held {
    let plain = held(shape, name, imports);
    let (method, load, load_given) = match shape {
        Shape::List(element) => {
            imports.carriers(&["Element", "Value"]);
            let ty = element.wire();
            let collect = |place: &str| match element {
                Element::Int => {
                    format!("|| {ty}::array({place}.iter().copied().map({ty}::from).collect())")
                }
                _ => format!("|| {ty}::array({place}.clone())"),
            };
            (
                "set_sensitive::<Value, Value>".to_owned(),
                collect(&format!("self.{name}")),
                collect(name),
            )
        }
        Shape::Into(element) => sensitive_load(element.wire(), &plain),
        Shape::Copy(ty) | Shape::Open(ty) => sensitive_load(ty, &plain),
    };
    ir::Held {
        method,
        load,
        load_given,
        ..plain
    }
}

fn sensitive_load(ty: &str, plain: &ir::Held) -> (String, String, String) {
    (
        format!("set_sensitive::<{ty}, _>"),
        format!("|| {}", plain.load),
        format!("|| {}", plain.load_given),
    )
}

/// How a value leaves a struct.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Load {
    Copied,
    Borrowed,
    Cloned(&'static str),
}
