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
    /// A list of a generated type.
    Items(String),
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

/// A value by the name that it has in generated code.
#[derive(Clone, Copy)]
pub(crate) struct Named<'a> {
    name: &'a str,
    /// It has a key that is made at run time.
    is_keyed: bool,
}

impl<'a> Named<'a> {
    /// A field, and the argument that sets it.
    pub(crate) fn field(name: &'a str) -> Self {
        Self {
            name,
            is_keyed: false,
        }
    }

    /// A value of a map, and the argument that stands beside its key.
    pub(crate) fn below_key() -> Named<'static> {
        Named {
            name: "value",
            is_keyed: true,
        }
    }

    /// The carrier's method.
    fn method(self, name: &str) -> String {
        let keyed = if self.is_keyed { "_keyed" } else { "" };
        format!("{name}{keyed}")
    }
}

/// A value on its way from an argument to the carrier.
pub(crate) fn passing(shape: &Shape, named: Named<'_>, imports: &mut Imports) -> ir::Passing {
    let set = named.method("set");
    let (argument, method) = match shape {
        Shape::Into(element) => {
            element.import(imports);
            (
                format!("impl Into<{}>", element.wire()),
                format!("{set}::<{}>", element.wire()),
            )
        }
        Shape::Copy(ty) => (ty.clone(), format!("{set}::<{ty}>")),
        Shape::Open(ty) => (format!("impl Into<{ty}>"), format!("{set}::<{ty}>")),
        Shape::List(element) => {
            element.import(imports);
            (
                format!("impl IntoIterator<Item = impl Into<{}>>", element.wire()),
                format!("{}::<{}>", named.method("set_all"), element.wire()),
            )
        }
        Shape::Items(ty) => (
            format!("impl IntoIterator<Item = impl Into<{ty}>>"),
            named.method("set_all"),
        ),
    };
    ir::Passing {
        generics: String::new(),
        argument,
        method,
        value: named.name.to_owned(),
    }
}

/// The same for content, which is only made if it is captured.
pub(crate) fn sensitive_passing(
    shape: &Shape,
    named: Named<'_>,
    imports: &mut Imports,
) -> ir::Passing {
    let name = named.name;
    let set = named.method("set_sensitive");
    let into = |ty: &str| ir::Passing {
        generics: format!("<T: Into<{ty}>>"),
        argument: "impl FnOnce() -> T".to_owned(),
        method: format!("{set}::<{ty}, T>"),
        value: name.to_owned(),
    };
    match shape {
        Shape::Into(element) => {
            element.import(imports);
            into(element.wire())
        }
        Shape::Copy(ty) | Shape::Open(ty) | Shape::Items(ty) => into(ty),
        Shape::List(element) => {
            element.import(imports);
            imports.carriers(&["Element", "Value"]);
            let ty = element.wire();
            ir::Passing {
                generics: String::new(),
                argument: format!("impl FnOnce() -> Vec<{ty}>"),
                method: format!("{set}::<Value, Value>"),
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
pub(crate) fn held(shape: &Shape, named: Named<'_>, imports: &mut Imports) -> ir::Held {
    let name = named.name;
    let ir::Passing {
        argument, method, ..
    } = passing(shape, named, imports);
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
        Shape::Items(ty) => (
            format!("Vec<{ty}>"),
            format!("{name}.into_iter().map(Into::into).collect()"),
            Load::Borrowed,
        ),
    };
    let place = match load {
        Load::Copied => format!("self.{name}"),
        Load::Borrowed | Load::Cloned(_) => format!("&self.{name}"),
    };
    let (load, load_given) = match load {
        // A map hands its values out by reference.
        Load::Copied if named.is_keyed => (place.clone(), format!("*{name}")),
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
pub(crate) fn sensitive_held(shape: &Shape, named: Named<'_>, imports: &mut Imports) -> ir::Held {
    let name = named.name;
    let set = named.method("set_sensitive");
    let plain = held(shape, named, imports);
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
                format!("{set}::<Value, Value>"),
                collect(&format!("self.{name}")),
                collect(name),
            )
        }
        Shape::Into(element) => sensitive_load(&set, element.wire(), &plain),
        Shape::Copy(ty) | Shape::Open(ty) | Shape::Items(ty) => sensitive_load(&set, ty, &plain),
    };
    ir::Held {
        method,
        load,
        load_given,
        ..plain
    }
}

fn sensitive_load(set: &str, ty: &str, plain: &ir::Held) -> (String, String, String) {
    (
        format!("{set}::<{ty}, _>"),
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
