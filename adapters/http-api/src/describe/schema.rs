//! The shapes of what is sent and answered.

use serde_json::Value;
use utoipa::openapi::{
    OneOfBuilder, Ref, RefOr, Schema,
    schema::{
        AdditionalProperties, Array, ArrayBuilder, KnownFormat, Object, ObjectBuilder, SchemaFormat,
        SchemaType, Type,
    },
};

/// A schema, or a reference to one.
pub(super) type Shape = RefOr<Schema>;
/// A member of an object: its name and its shape.
pub(super) type Member = (&'static str, Shape);

/// Something in it besides white space, and no control character.
pub(super) const LINE: &str = r"^[^\x00-\x1F\x7F-\x9F]*[^\s\x00-\x1F\x7F-\x9F][^\x00-\x1F\x7F-\x9F]*$";
/// No NUL character.
pub(super) const NO_NUL: &str = r"^[^\x00]*$";

/// A schema that has a name of its own.
pub(super) fn named(name: &str) -> Shape {
    Ref::from_schema_name(name).into()
}

/// The same, with what it is here.
pub(super) fn named_as(name: &str, what: &str) -> Shape {
    let mut reference = Ref::from_schema_name(name);
    what.clone_into(&mut reference.description);
    reference.into()
}

fn typed(r#type: Type, what: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(r#type).description(Some(what))
}

/// Text of so many characters, which matches a pattern if one is given.
pub(super) fn text(what: &str, (least, most): (usize, usize), pattern: Option<&str>) -> Shape {
    typed(Type::String, what)
        .min_length((least > 0).then_some(least))
        .max_length(Some(most))
        .pattern(pattern)
        .into()
}

/// Text that matches a pattern, of whatever length: its bound holds for what is left when blanks around it are dropped.
pub(super) fn like(what: &str, pattern: &str) -> Shape {
    typed(Type::String, what).pattern(Some(pattern)).into()
}

/// Text of ours, of whatever length.
pub(super) fn words(what: &str) -> Shape {
    typed(Type::String, what).into()
}

/// Text in a well-known form.
pub(super) fn formatted(what: &str, format: &str) -> Shape {
    typed(Type::String, what).format(Some(SchemaFormat::Custom(format.to_owned()))).into()
}

/// An identifier.
pub(super) fn uuid(what: &str) -> Shape {
    formatted(what, "uuid")
}

/// A moment.
pub(super) fn time(what: &str) -> Shape {
    typed(Type::String, what).format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime))).into()
}

/// One of some words.
pub(super) fn one_of<W: AsRef<str>>(what: &str, words: impl IntoIterator<Item = W>) -> Shape {
    let words = words.into_iter().map(|word| Value::from(word.as_ref()));
    typed(Type::String, what).enum_values(Some(words)).into()
}

/// True or false.
pub(super) fn flag(what: &str) -> Shape {
    typed(Type::Boolean, what).into()
}

/// A whole number within bounds.
pub(super) fn whole(what: &str, (least, most): (u64, u64)) -> Shape {
    let bound = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    typed(Type::Integer, what).minimum(Some(bound(least))).maximum(Some(bound(most))).into()
}

/// How many or how much of something: a whole number from zero.
pub(super) fn count(what: &str) -> Shape {
    typed(Type::Integer, what).minimum(Some(0_usize)).into()
}

/// A number that is not negative.
pub(super) fn number(what: &str) -> Shape {
    typed(Type::Number, what).minimum(Some(0_usize)).into()
}

/// A part of a whole, from 0 to 1.
pub(super) fn part(what: &str) -> Shape {
    typed(Type::Number, what).minimum(Some(0_usize)).maximum(Some(1_usize)).into()
}

/// A list.
pub(super) fn list(what: &str, items: Shape) -> Shape {
    ArrayBuilder::new().items(items).description(Some(what)).into()
}

/// A list of so many.
pub(super) fn list_of(what: &str, items: Shape, (least, most): (usize, usize)) -> Shape {
    ArrayBuilder::new()
        .items(items)
        .description(Some(what))
        .min_items((least > 0).then_some(least))
        .max_items(Some(most))
        .into()
}

/// Any JSON.
pub(super) fn anything(what: &str) -> Shape {
    ObjectBuilder::new().schema_type(SchemaType::AnyValue).description(Some(what)).into()
}

/// An object whose members are the client's own, or are named by data.
pub(super) fn map(what: &str, values: Option<Shape>) -> Shape {
    let values = match values {
        None => AdditionalProperties::FreeForm(true),
        Some(values) => AdditionalProperties::RefOr(values),
    };
    typed(Type::Object, what).additional_properties(Some(values)).into()
}

/// An object of an answer, which has all of these members.
pub(super) fn answer(what: &str, members: Vec<Member>) -> Shape {
    answer_with(what, members, Vec::new())
}

/// An object of an answer, which has all of the first members and may have the others.
pub(super) fn answer_with(what: &str, members: Vec<Member>, others: Vec<Member>) -> Shape {
    object(what, members, others).into()
}

/// An object that is sent: it must have the first members, may have the others, and has none besides.
pub(super) fn request(what: &str, required: Vec<Member>, optional: Vec<Member>) -> Shape {
    object(what, required, optional)
        .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)))
        .into()
}

fn object(what: &str, required: Vec<Member>, optional: Vec<Member>) -> ObjectBuilder {
    let mut object = typed(Type::Object, what);
    for (name, shape) in required {
        object = object.property(name, shape).required(name);
    }
    for (name, shape) in optional {
        object = object.property(name, shape);
    }
    object
}

/// The same, or null.
pub(super) fn or_null(shape: Shape) -> Shape {
    let null = || Schema::from(Object::with_type(Type::Null));
    match shape {
        RefOr::Ref(mut reference) => {
            let what = std::mem::take(&mut reference.description);
            let either = OneOfBuilder::new().item(reference).item(null());
            if what.is_empty() { either.into() } else { either.description(Some(what)).into() }
        }
        RefOr::T(Schema::Object(mut object)) => {
            with_null(&mut object.schema_type);
            if let Some(values) = &mut object.enum_values {
                values.push(Value::Null);
            }
            object.into()
        }
        RefOr::T(Schema::Array(mut array)) => {
            with_null(&mut array.schema_type);
            array.into()
        }
        RefOr::T(other) => OneOfBuilder::new().item(other).item(null()).into(),
    }
}

fn with_null(types: &mut SchemaType) {
    if let SchemaType::Type(one) = types {
        *types = SchemaType::Array(vec![one.clone(), Type::Null]);
    }
}

/// The same, which is this where it is left out.
pub(super) fn by_default(shape: Shape, default: impl Into<Value>) -> Shape {
    match shape {
        RefOr::T(Schema::Object(mut object)) => {
            object.default = Some(default.into());
            object.into()
        }
        other => other,
    }
}

/// The same, with an example.
pub(super) fn such_as(shape: Shape, example: impl Into<Value>) -> Shape {
    match shape {
        RefOr::T(Schema::Object(mut object)) => {
            object.examples = vec![example.into()];
            object.into()
        }
        RefOr::T(Schema::Array(mut array)) => {
            array.examples = vec![example.into()];
            Array::into(array)
        }
        other => other,
    }
}
