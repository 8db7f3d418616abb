//! Every operation on every surface.

use expect_test::expect_file;
use jay_core::Door;
use jay_ops::agents::Profile;
use jay_ops::schema::{Field, Shape, fields};
use jay_ops::surface::{openapi, reference, surface};
use jay_ops::{ALL, Access};
use serde_json::Value;

#[test]
fn the_surface_is_the_one_that_was_reviewed() {
    let json = serde_json::to_string_pretty(&surface()).unwrap() + "\n";
    expect_file!["../../surface.json"].assert_eq(&json);
}

#[test]
fn the_reference_page_is_current() {
    expect_file!["../../../../docs/reference.md"].assert_eq(&reference());
}

#[test]
fn every_operation_has_help_for_itself_and_every_field() {
    for spec in &ALL {
        let summary = spec.summary();
        assert!(!summary.is_empty() && summary.len() < 80, "{}: {summary}", spec.name);
        assert!(!summary.ends_with('.'), "{}: {summary}", spec.name);
        documented(spec.name, &fields(spec.input_schema()));
    }
}

fn documented(path: &str, fields: &[Field]) {
    for field in fields {
        let path = format!("{path}.{}", field.name);
        assert!(!field.help.is_empty(), "{path} has no doc comment");
        if let Shape::Object(inner) = &field.shape {
            documented(&path, inner);
        }
    }
}

#[test]
fn every_operation_is_on_every_surface_that_it_names() {
    let (surface, openapi, page) = (surface(), openapi("0.0.0"), reference());
    let tools: Vec<Value> = Profile::Full.tools();
    for spec in &ALL {
        let name = spec.name;
        assert!(surface["operations"][name].is_object(), "{name}");
        assert!(page.contains(&format!("\n## {name}\n")), "{name}");
        let path = &openapi["paths"][format!("/v1/{name}")]["post"];
        assert_eq!(path.is_object(), spec.doors.contains(&Door::Http), "{name}");
        let tool = tools.iter().find(|tool| tool["name"] == name);
        assert_eq!(tool.is_some(), spec.doors.contains(&Door::Mcp), "{name}");
        let names =
            |schema: &Value| fields(schema).into_iter().map(|field| (field.name, field.required)).collect::<Vec<_>>();
        if let Some(tool) = tool {
            assert_eq!(names(&tool["inputSchema"]), names(spec.input_schema()), "{name}");
            assert_eq!(tool["annotations"]["readOnlyHint"], spec.access == Access::Read, "{name}");
        }
        if path.is_object() {
            let schema = &path["requestBody"]["content"]["application/json"]["schema"];
            assert_eq!(names(schema), names(spec.input_schema()), "{name}");
        }
        assert_eq!(
            names(spec.input_schema()).iter().any(|(name, _)| name == "idempotency_key"),
            spec.access.writes(),
            "{name}"
        );
    }
}

#[test]
fn what_cannot_be_taken_back_is_no_tool() {
    let tools: Vec<&str> = Profile::Full.operations().map(|spec| spec.name).collect();
    assert!(!tools.contains(&"purge") && !tools.contains(&"unforget"), "{tools:?}");
    assert!(ALL.iter().filter(|spec| spec.access == Access::Admin).all(|spec| !tools.contains(&spec.name)));
}

#[test]
fn the_default_profile_is_small() {
    let tools = Profile::Default.tools();
    let names: Vec<&str> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["remember", "recall", "get", "update", "forget", "session_search"]);
    let json = serde_json::json!({ "tools": tools }).to_string();
    let tokens = tiktoken_rs::cl100k_base().unwrap().encode_ordinary(&json).len();
    assert!(tokens <= 800, "{tokens} tokens: {json}");
}
