//! The public surface as documents: `surface.json`, which shows every change of it in review, the OpenAPI document
//! and the reference page. All are made from the catalogue and nothing else.

use crate::agents::Profile;
use crate::operation::{Access, Spec};
use crate::schema::{Field, Shape, fields, published};
use jay_core::Door;
use jay_types::Code;
use serde_json::{Map, Value, json};

/// Every operation with all that callers can see of it.
#[must_use]
pub fn surface() -> Value {
    let mut operations = Map::new();
    for spec in &crate::ALL {
        operations.insert(
            spec.name.to_owned(),
            json!({
                "access": spec.access,
                "doors": spec.doors,
                "mcp_profile": match (spec.doors.contains(&Door::Mcp), spec.brief) {
                    (false, _) => Value::Null,
                    (true, Some(_)) => "default".into(),
                    (true, None) => "full".into(),
                },
                "input": spec.input_schema(),
                "output": spec.output_schema(),
            }),
        );
    }
    json!({"operations": operations})
}

/// The OpenAPI 3.1 document of the HTTP door.
#[must_use]
pub fn openapi(version: &str) -> Value {
    let mut paths = Map::new();
    for spec in crate::ALL.iter().filter(|spec| spec.doors.contains(&Door::Http)) {
        paths.insert(format!("/v1/{}", spec.name), json!({"post": openapi_operation(spec)}));
    }
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.name()).collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Scrubjay",
            "version": version,
            "description": "A memory for AI agents. Every operation is a POST of one JSON object.",
        },
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Error": {
                "type": "object",
                "required": ["error"],
                "properties": {"error": {
                    "type": "object",
                    "required": ["code", "message", "hint", "retry"],
                    "properties": {
                        "code": {"type": "string", "enum": codes},
                        "message": {"type": "string"},
                        "hint": {"type": ["string", "null"]},
                        "retry": {"type": ["integer", "null"], "description": "Seconds after which the same call may succeed"},
                        "details": {"description": "Candidates, ids and positions for programs"},
                    },
                }},
            }},
        },
    })
}

fn openapi_operation(spec: &Spec) -> Value {
    let mut input = published(spec.input_schema());
    if let Some(object) = input.as_object_mut() {
        object.remove("description");
    }
    json!({
        "operationId": spec.name,
        "summary": spec.summary(),
        "description": spec.about(),
        "requestBody": {"required": true, "content": {"application/json": {"schema": input}}},
        "responses": {
            "200": {
                "description": "Done",
                "content": {"application/json": {"schema": published(spec.output_schema())}},
            },
            "default": {
                "description": "Not done; nothing was stored",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
            },
        },
    })
}

/// The reference page of all operations, in Markdown.
#[must_use]
pub fn reference() -> String {
    let mut page = String::from(
        "# Operations\n\nThis page is generated from the catalogue (`UPDATE_EXPECT=1 cargo test -p jay-ops`).\n\n\
         Each operation is one command, one `POST /v1/<operation>`, one line of `jay call` and, where it says so, one MCP tool. \
         Every name in the tables is a field of the JSON input; on the command line it is `--name` with `-` for `_`, \
         or an argument where the table says so.\n",
    );
    for spec in &crate::ALL {
        let doors: Vec<String> = spec.doors.iter().map(|door| format!("{door:?}").to_lowercase()).collect();
        let access = match spec.access {
            Access::Read => "reads",
            Access::Write => "writes",
            Access::Admin => "writes, people only",
            Access::Maintain => "maintains what is derived",
            Access::Arrange => "arranges what is shared, people only",
        };
        let tool = match (spec.doors.contains(&Door::Mcp), Profile::Default.operations().any(|s| s.name == spec.name)) {
            (true, true) => "; in the default MCP profile",
            _ => "",
        };
        page.push_str(&format!(
            "\n## {}\n\n{}\n\n*{access}; doors: {}{tool}*\n",
            spec.name,
            spec.about(),
            doors.join(", ")
        ));
        let fields = fields(spec.input_schema());
        if !fields.is_empty() {
            page.push_str("\n| field | | |\n| --- | --- | --- |\n");
            rows(&fields, "", &mut page);
        }
    }
    page
}

fn rows(fields: &[Field], path: &str, page: &mut String) {
    for field in fields {
        let mut about = vec![field.shape_in_words()];
        if field.required {
            about.push("required".to_owned());
        }
        if field.positional {
            about.push("argument".to_owned());
        } else if let Some(flag) = &field.flag {
            about.push(format!("`--{flag}`"));
        }
        if field.is_secret {
            about.push("`-` reads it from standard input".to_owned());
        }
        if let Some(default) = field.default.as_ref().filter(|d| **d != Value::Bool(false) && !is_empty(d)) {
            about.push(format!("default {default}"));
        }
        let cell = |text: &str| text.replace('|', "\\|").replace('\n', " ");
        page.push_str(&format!("| `{path}{}` | {} | {} |\n", field.name, cell(&about.join(", ")), cell(&field.help)));
        if let Shape::Object(inner) = &field.shape {
            rows(inner, &format!("{path}{}.", field.name), page);
        }
    }
}

fn is_empty(value: &Value) -> bool {
    value.as_array().is_some_and(Vec::is_empty) || value.as_object().is_some_and(Map::is_empty)
}

impl Field {
    fn shape_in_words(&self) -> String {
        match &self.shape {
            Shape::Integer { minimum: Some(least), maximum: Some(greatest) } => format!("{least} to {greatest}"),
            Shape::Text { max_bytes: Some(max) } => format!("text of at most {max} bytes"),
            Shape::List { item, .. } => format!("list of {}", item.words()),
            other => other.words(),
        }
    }
}
