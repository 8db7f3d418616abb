//! The MCP door: the catalogue as tools.

use crate::service::Service;
use jay_core::{ActorKind, Caller, Door};
use jay_ops::Spec;
use jay_ops::agents::{INSTRUCTIONS, Profile};
use jay_types::namespace::NamespacePath;
use jay_types::text::{commands_the_terminal, shorten};
use jay_types::{Code, Error};
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, CustomRequest, CustomResult, ErrorCode,
    Implementation, ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::{RequestContext, RoleServer};
use rmcp::{ErrorData, ServerHandler};
use serde_json::Value;
use std::sync::Arc;

/// Characters of a client's name that are kept: fewer than an actor's name may have bytes.
const ACTOR_NAME_MAX_CHARS: usize = 60;

/// One connection of an MCP client.
pub struct Mcp {
    service: Arc<Service>,
    profile: Profile,
    /// Where the client stands: the directory in which a stdio server was started.
    namespace: NamespacePath,
    /// The name under which it acts, where that is set from outside; else it says so itself.
    actor: Option<String>,
}

impl Mcp {
    /// A connection of a client that stands in `namespace`.
    #[must_use]
    pub const fn new(service: Arc<Service>, profile: Profile, namespace: NamespacePath, actor: Option<String>) -> Self {
        Self { service, profile, namespace, actor }
    }

    /// Who calls: the client by the name that it gives itself, in the namespace of the request's URL where it has one.
    fn caller(&self, context: &RequestContext<RoleServer>) -> Result<Caller, Error> {
        // Clients cannot be told to call themselves otherwise: what is no name is left out of theirs.
        let plain = |name: &str| shorten(&name.replace(commands_the_terminal, " "), ACTOR_NAME_MAX_CHARS);
        let named_by_itself =
            || context.client_info().map(|client| plain(&client.name)).filter(|name| !name.is_empty());
        let name = self.actor.clone().or_else(named_by_itself);
        let namespace = match context.extensions.get::<axum::http::request::Parts>() {
            Some(parts) => crate::http::namespace_of(&parts.uri)?,
            None => self.namespace.clone(),
        };
        Ok(Caller {
            kind: ActorKind::Agent,
            name: name.unwrap_or_else(|| "mcp".to_owned()),
            door: Door::Mcp,
            namespace,
        })
    }
}

impl ServerHandler for Mcp {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("scrubjay", self.service.version()))
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tools: Result<Vec<Tool>, _> = self.profile.tools().into_iter().map(serde_json::from_value).collect();
        tools
            .map(ListToolsResult::with_all_items)
            .map_err(|error| ErrorData::internal_error(format!("a tool cannot be described: {error}"), None))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let input = Value::Object(request.arguments.unwrap_or_default());
        Ok(self.answer(&request.name, input, &context).await?.into())
    }

    /// What rmcp could not read. A request of a known method has parameters of another shape, and its client is told
    /// that rather than that there is no such method.
    async fn on_custom_request(
        &self,
        request: CustomRequest,
        context: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        if request.method != "tools/call" {
            let known = ["initialize", "ping", "tools/list"].contains(&request.method.as_str());
            return Err(if known {
                ErrorData::invalid_params(format!("the parameters of {} have another shape", request.method), None)
            } else {
                let method = format!("there is no method `{}`", shorten(&request.method, 60));
                ErrorData::new(ErrorCode::METHOD_NOT_FOUND, method, None)
            });
        }
        let Some(Value::Object(mut params)) = request.params else {
            return Err(ErrorData::invalid_params("`params`: must be an object", None));
        };
        let name = match params.remove("name") {
            Some(Value::String(name)) => name,
            Some(_) => return Err(ErrorData::invalid_params("`name`: must be text", None)),
            None => return Err(ErrorData::invalid_params("`name`: is required", None)),
        };
        // Whatever else is wrong, arguments that are an object were not what could not be read.
        let input = match params.remove("arguments") {
            Some(input) if !input.is_object() && !input.is_null() => input,
            _ => return Err(ErrorData::invalid_params("the parameters of tools/call have another shape", None)),
        };
        let result = self.answer(&name, input, &context).await?;
        serde_json::to_value(result)
            .map(CustomResult::new)
            .map_err(|error| ErrorData::internal_error(format!("the answer cannot be written: {error}"), None))
    }
}

impl Mcp {
    /// Refuses what the profile does not list: whoever chose it meant that.
    fn demand_tool(&self, spec: &Spec) -> jay_types::Result<()> {
        let is_offered = spec.doors.contains(&Door::Mcp);
        if !is_offered || self.profile.operations().any(|listed| listed.name == spec.name) {
            return Ok(());
        }
        Err(Error::new(Code::Refused, format!("`{}` is no tool of the profile of this server", spec.name))
            .hint("A person chooses the profile: `jay mcp --profile full`, or `mcp_profile` in the settings."))
    }

    /// Calls the tool `name`; a refusal is an answer that the model can read.
    async fn answer(
        &self,
        name: &str,
        input: Value,
        context: &RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        let spec = jay_ops::find(name).map_err(|error| ErrorData::invalid_params(words(&error), None))?;
        let answer = match self.demand_tool(spec).and_then(|()| self.caller(context)) {
            Ok(caller) => self.service.call_for_agents(spec, caller, input).await,
            Err(error) => Err(error),
        };
        Ok(match answer {
            Ok(answer) => {
                let mut result = CallToolResult::success(vec![ContentBlock::text(answer.text)]);
                result.structured_content = answer.structured;
                result
            }
            // Text alone: clients show their model no structured content of a failure.
            Err(error) => CallToolResult::error(vec![ContentBlock::text(words(&error))]),
        })
    }
}

/// A failure in the words of the other doors.
fn words(error: &Error) -> String {
    let mut words = format!("{}: {}", error.code.name(), error.message);
    if let Some(hint) = &error.hint {
        words.push_str(&format!("\nhint: {hint}"));
    }
    if let Some(seconds) = error.retry {
        words.push_str(&format!("\ntry again in {seconds} s"));
    }
    if let Some(candidates) = error.details.get("candidates") {
        words.push_str(&format!("\ncandidates: {candidates}"));
    }
    words
}
