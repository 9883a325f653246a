//! Protocol Buffers, where the rules bring the descriptor of the message; and
//! gRPC, whose body is an array of messages.
//!
//! A message is an object of its fields by name; those that are not set do not
//! appear, which for fields without presence is the same as zero. What the
//! descriptor does not know is compared as bytes, as `#` and the field's number.
//! Without a descriptor, bodies are bytes.

use std::borrow::Cow;

use prost_reflect::{DynamicMessage, EnumDescriptor, Kind, MapKey, MessageDescriptor, Value};

use super::npy::real;
use super::{Comparator, Document, Reading, Unreadable, json};
use crate::compare::coding::{self, Undecoded};
use crate::compare::node::Node;
use crate::compare::rules::Rules;

pub(super) struct Protobuf;

impl Comparator for Protobuf {
    fn name(&self) -> &'static str {
        "protobuf"
    }

    fn reads(&self, essence: &str) -> bool {
        matches!(
            essence,
            "application/protobuf" | "application/x-protobuf" | "application/vnd.google.protobuf"
        ) || is_grpc(essence)
    }

    fn read<'a>(
        &self,
        document: &'a Document<'_>,
        rules: &Rules,
    ) -> Result<Reading<'a>, Unreadable> {
        let Some(message) = &rules.protobuf else {
            return Ok(Reading::Bytes(document.bytes));
        };
        if !document.essence.as_deref().is_some_and(is_grpc) {
            return message_of(message, document.bytes, 1).map(Reading::Node);
        }
        let mut items = Vec::new();
        let mut left = document.bytes;
        // What is decompressed is bounded over all messages together.
        let mut room = rules.body;
        while let [flag, a, b, c, d, rest @ ..] = left {
            let len = usize::try_from(u32::from_be_bytes([*a, *b, *c, *d]));
            let len = len.map_err(|_| Unreadable::Broken)?;
            let (body, behind) = rest.split_at_checked(len).ok_or(Unreadable::Broken)?;
            let body = match flag {
                0 => Cow::Borrowed(body),
                1 => Cow::Owned(decompressed(document, body, room)?),
                _ => return Err(Unreadable::Broken),
            };
            room = room.checked_sub(body.len()).ok_or(Unreadable::TooLarge)?;
            items.push(message_of(message, &body, 2)?);
            left = behind;
        }
        match left.is_empty() {
            true => Ok(Reading::Node(Node::Array(items))),
            false => Err(Unreadable::Broken),
        }
    }
}

fn is_grpc(essence: &str) -> bool {
    matches!(essence, "application/grpc" | "application/grpc+proto")
}

fn decompressed(document: &Document<'_>, body: &[u8], room: usize) -> Result<Vec<u8>, Unreadable> {
    let coding = document.grpc_encoding.as_deref().unwrap_or_default();
    coding::without(coding, body, room).map_err(|undecoded| match undecoded {
        Undecoded::TooLong => Unreadable::TooLarge,
        Undecoded::Unknown | Undecoded::Broken => Unreadable::Broken,
    })
}

fn message_of<'a>(
    descriptor: &MessageDescriptor,
    bytes: &[u8],
    depth: usize,
) -> Result<Node<'a>, Unreadable> {
    let message = DynamicMessage::decode(descriptor.clone(), bytes);
    object(&message.map_err(|_| Unreadable::Broken)?, depth)
}

fn object<'a>(message: &DynamicMessage, depth: usize) -> Result<Node<'a>, Unreadable> {
    json::deep(depth)?;
    let mut members = Vec::new();
    for (field, value) in message.fields() {
        let name = Cow::Owned(field.name().to_owned());
        members.push((name, node(value, &field.kind(), depth)?));
    }
    for (extension, value) in message.extensions() {
        let name = Cow::Owned(format!("[{}]", extension.full_name()));
        members.push((name, node(value, &extension.kind(), depth)?));
    }
    let mut unknown: Vec<(u32, Vec<u8>)> = Vec::new();
    for field in message.unknown_fields() {
        let number = field.number();
        let at = unknown.iter().position(|(known, _)| *known == number);
        let at = at.unwrap_or_else(|| {
            unknown.push((number, Vec::new()));
            unknown.len() - 1
        });
        field.encode(&mut unknown[at].1);
    }
    let unknown = unknown
        .into_iter()
        .map(|(number, bytes)| (Cow::Owned(format!("#{number}")), Node::Bytes(bytes.into())));
    members.extend(unknown);
    Ok(Node::Object(members))
}

fn node<'a>(value: &Value, kind: &Kind, depth: usize) -> Result<Node<'a>, Unreadable> {
    let number = |text: String| Node::Number(text.into());
    Ok(match value {
        Value::Bool(is) => Node::Bool(*is),
        Value::I32(x) => number(x.to_string()),
        Value::I64(x) => number(x.to_string()),
        Value::U32(x) => number(x.to_string()),
        Value::U64(x) => number(x.to_string()),
        Value::F32(x) => real(*x, |x| x.is_finite(), f32::is_nan),
        Value::F64(x) => real(*x, |x| x.is_finite(), f64::is_nan),
        Value::String(text) => Node::Text(text.clone().into()),
        Value::Bytes(bytes) => Node::Bytes(bytes.to_vec().into()),
        Value::EnumNumber(number) => named(kind.as_enum(), *number),
        Value::Message(message) => object(message, depth + 1)?,
        Value::List(items) => {
            json::deep(depth + 1)?;
            let items = items.iter().map(|item| node(item, kind, depth + 1));
            Node::Array(items.collect::<Result<_, _>>()?)
        }
        Value::Map(members) => {
            json::deep(depth + 1)?;
            let value_kind = kind
                .as_message()
                .map(|entry| entry.map_entry_value_field().kind());
            let value_kind = value_kind.as_ref().unwrap_or(kind);
            let mut items = Vec::new();
            for (key, value) in members {
                let key: Cow<'a, str> = Cow::Owned(key_text(key));
                items.push((key, node(value, value_kind, depth + 1)?));
            }
            items.sort_by(|own, other| own.0.cmp(&other.0));
            Node::Object(items)
        }
    })
}

fn named<'a>(descriptor: Option<&EnumDescriptor>, number: i32) -> Node<'a> {
    match descriptor.and_then(|descriptor| descriptor.get_value(number)) {
        Some(value) => Node::Text(value.name().to_owned().into()),
        None => Node::Number(number.to_string().into()),
    }
}

fn key_text(key: &MapKey) -> String {
    match key {
        MapKey::Bool(key) => key.to_string(),
        MapKey::I32(key) => key.to_string(),
        MapKey::I64(key) => key.to_string(),
        MapKey::U32(key) => key.to_string(),
        MapKey::U64(key) => key.to_string(),
        MapKey::String(key) => key.clone(),
    }
}

#[cfg(test)]
pub(in crate::compare) mod tests {
    use proptest::prelude::*;
    use prost_reflect::DescriptorPool;
    use prost_reflect::prost_types::field_descriptor_proto::{Label, Type};
    use prost_reflect::prost_types::{
        DescriptorProto, EnumDescriptorProto, EnumValueDescriptorProto, FieldDescriptorProto,
        FileDescriptorProto, FileDescriptorSet, MessageOptions,
    };

    use super::super::tests::node_by;
    use super::*;

    fn field(name: &str, number: i32, of: Type, label: Label, named: &str) -> FieldDescriptorProto {
        FieldDescriptorProto {
            name: Some(name.to_owned()),
            number: Some(number),
            label: Some(label.into()),
            r#type: Some(of.into()),
            type_name: (!named.is_empty()).then(|| named.to_owned()),
            ..FieldDescriptorProto::default()
        }
    }

    /// `Answer { double score = 1; Label label = 2; repeated Answer parts = 3;
    /// map<string, float> by = 4; int64 id = 5; bytes raw = 6; }`
    pub(in crate::compare) fn descriptors() -> FileDescriptorSet {
        let entry = DescriptorProto {
            name: Some("ByEntry".to_owned()),
            field: vec![
                field("key", 1, Type::String, Label::Optional, ""),
                field("value", 2, Type::Float, Label::Optional, ""),
            ],
            options: Some(MessageOptions {
                map_entry: Some(true),
                ..MessageOptions::default()
            }),
            ..DescriptorProto::default()
        };
        let answer = DescriptorProto {
            name: Some("Answer".to_owned()),
            field: vec![
                field("score", 1, Type::Double, Label::Optional, ""),
                field("label", 2, Type::Enum, Label::Optional, ".t.Label"),
                field("parts", 3, Type::Message, Label::Repeated, ".t.Answer"),
                field("by", 4, Type::Message, Label::Repeated, ".t.Answer.ByEntry"),
                field("id", 5, Type::Int64, Label::Optional, ""),
                field("raw", 6, Type::Bytes, Label::Optional, ""),
            ],
            nested_type: vec![entry],
            ..DescriptorProto::default()
        };
        let value = |name: &str, number| EnumValueDescriptorProto {
            name: Some(name.to_owned()),
            number: Some(number),
            options: None,
        };
        let label = EnumDescriptorProto {
            name: Some("Label".to_owned()),
            value: vec![value("NO", 0), value("YES", 1)],
            ..EnumDescriptorProto::default()
        };
        FileDescriptorSet {
            file: vec![FileDescriptorProto {
                name: Some("t.proto".to_owned()),
                package: Some("t".to_owned()),
                syntax: Some("proto3".to_owned()),
                message_type: vec![answer],
                enum_type: vec![label],
                ..FileDescriptorProto::default()
            }],
        }
    }

    fn rules() -> Rules {
        let pool = DescriptorPool::from_file_descriptor_set(descriptors()).unwrap();
        Rules {
            protobuf: pool.get_message_by_name("t.Answer"),
            ..Rules::default()
        }
    }

    /// score 0.5, label YES, parts {id 7}, by {a: 0.1}, raw, and a field 9.
    const ANSWER: &[u8] = b"\x09\0\0\0\0\0\0\xe0\x3f\x10\x01\x1a\x02\x28\x07\
        \x22\x08\x0a\x01a\x15\xcd\xcc\xcc\x3d\x32\x02\xff\x00\x48\x05";

    #[test]
    fn a_message_is_an_object_of_its_fields() {
        let read = node_by("protobuf", ANSWER, None, &rules()).unwrap();
        assert_eq!(
            read,
            r##"{"score": 0.5, "label": "YES", "parts": [{"id": 7}], "by": {"a": 0.1}, "raw": "/wA=", "#9": "SAU="}"##
        );
        assert_eq!(node_by("protobuf", b"\x09\0", None, &rules()), None);
        assert_eq!(
            node_by("protobuf", b"\x10\x07", None, &rules()).unwrap(),
            r#"{"label": 7}"#
        );
    }

    #[test]
    fn grpc_is_an_array_of_messages() {
        let grpc = Some("application/grpc+proto");
        let framed = b"\0\0\0\0\x02\x28\x07\0\0\0\0\x02\x28\x08";
        assert_eq!(
            node_by("protobuf", framed, grpc, &rules()).unwrap(),
            r#"[{"id": 7}, {"id": 8}]"#
        );
        assert_eq!(node_by("protobuf", &framed[..9], grpc, &rules()), None);
        assert_eq!(
            node_by("protobuf", b"\x01\0\0\0\x02\x28\x07", grpc, &rules()),
            None
        );
    }

    #[test]
    fn deep_messages_are_refused() {
        let mut bytes = Vec::new();
        for _ in 0..90 {
            let mut outer = vec![0x1a];
            let len = bytes.len();
            outer.extend([0x80 | (len & 0x7f) as u8, (len >> 7) as u8]);
            outer.extend(&bytes);
            bytes = outer;
        }
        assert_eq!(node_by("protobuf", &bytes, None, &rules()), None);
    }

    proptest! {
        #[test]
        fn no_bytes_break_it(bytes in prop::collection::vec(any::<u8>(), 0..60), grpc: bool) {
            let essence = grpc.then_some("application/grpc");
            let _ = node_by("protobuf", &bytes, essence, &rules());
        }
    }
}
