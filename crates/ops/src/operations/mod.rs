//! One file per operation, and the list of all.

use crate::operation::Spec;
use jay_types::{Error, Result};

mod blame;
mod docs_add;
mod docs_list;
mod docs_remove;
mod doctor;
mod eval;
mod feedback;
mod forget;
mod get;
mod git_ingest;
mod history;
mod jobs_list;
mod jobs_run;
mod link;
mod list;
mod model_install;
mod model_list;
mod model_remove;
mod model_use;
mod move_to;
mod namespace_alias;
mod namespace_delete;
mod namespace_list;
mod namespace_merge;
mod namespace_rename;
mod namespace_set;
mod namespace_show;
mod purge;
mod recall;
mod remember;
mod remember_batch;
mod remote_add;
mod remote_check;
mod remote_list;
mod remote_remove;
mod remote_show;
mod revert;
mod session_append;
mod session_erase;
mod session_export;
mod session_list;
mod session_resume;
mod session_retention;
mod session_search;
mod session_show;
mod session_sync;
mod sql;
mod stats_usage;
mod status;
mod sync;
mod sync_status;
mod undo;
mod unforget;
mod unlink;
mod update;
mod vault_add;
mod vault_invite;
mod vault_join;
mod vault_members;
mod vault_remove;
mod vault_rotate;

/// Every operation, in the order in which help lists them.
pub static ALL: [Spec; 61] = [
    Spec::of::<remember::Remember>(),
    Spec::of::<remember_batch::RememberBatch>(),
    Spec::of::<recall::Recall>(),
    Spec::of::<get::Get>(),
    Spec::of::<list::List>(),
    Spec::of::<update::Update>(),
    Spec::of::<forget::Forget>(),
    Spec::of::<unforget::Unforget>(),
    Spec::of::<purge::Purge>(),
    Spec::of::<link::MakeLink>(),
    Spec::of::<unlink::Unlink>(),
    Spec::of::<history::History>(),
    Spec::of::<revert::Revert>(),
    Spec::of::<undo::Undo>(),
    Spec::of::<feedback::Feedback>(),
    Spec::of::<move_to::Move>(),
    Spec::of::<namespace_list::NamespaceList>(),
    Spec::of::<namespace_show::NamespaceShow>(),
    Spec::of::<namespace_rename::NamespaceRename>(),
    Spec::of::<namespace_alias::NamespaceAlias>(),
    Spec::of::<namespace_set::NamespaceSet>(),
    Spec::of::<namespace_merge::NamespaceMerge>(),
    Spec::of::<namespace_delete::NamespaceDelete>(),
    Spec::of::<docs_add::DocsAdd>(),
    Spec::of::<docs_list::DocsList>(),
    Spec::of::<docs_remove::DocsRemove>(),
    Spec::of::<session_sync::SessionSync>(),
    Spec::of::<session_append::SessionAppend>(),
    Spec::of::<session_list::SessionList>(),
    Spec::of::<session_show::SessionShow>(),
    Spec::of::<session_export::SessionExport>(),
    Spec::of::<session_resume::SessionResume>(),
    Spec::of::<session_erase::SessionErase>(),
    Spec::of::<session_retention::SessionRetention>(),
    Spec::of::<session_search::SessionSearch>(),
    Spec::of::<git_ingest::GitIngest>(),
    Spec::of::<blame::Blame>(),
    Spec::of::<sql::Sql>(),
    Spec::of::<stats_usage::StatsUsage>(),
    Spec::of::<sync::Sync>(),
    Spec::of::<sync_status::TellSyncStatus>(),
    Spec::of::<remote_add::RemoteAdd>(),
    Spec::of::<remote_list::RemoteList>(),
    Spec::of::<remote_show::RemoteShow>(),
    Spec::of::<remote_check::RemoteCheck>(),
    Spec::of::<remote_remove::RemoteRemove>(),
    Spec::of::<vault_invite::VaultInvite>(),
    Spec::of::<vault_join::VaultJoin>(),
    Spec::of::<vault_members::VaultMembers>(),
    Spec::of::<vault_add::VaultAdd>(),
    Spec::of::<vault_remove::VaultRemove>(),
    Spec::of::<vault_rotate::VaultRotate>(),
    Spec::of::<model_install::ModelInstall>(),
    Spec::of::<model_list::ModelList>(),
    Spec::of::<model_use::ModelUse>(),
    Spec::of::<model_remove::ModelRemove>(),
    Spec::of::<status::Status>(),
    Spec::of::<doctor::Doctor>(),
    Spec::of::<eval::Eval>(),
    Spec::of::<jobs_list::JobsList>(),
    Spec::of::<jobs_run::JobsRun>(),
];

/// The operation of that name.
///
/// # Errors
/// `bad_input` where there is none; the hint lists what there is.
pub fn find(name: &str) -> Result<&'static Spec> {
    ALL.iter().find(|spec| spec.name == name).ok_or_else(|| {
        let known: Vec<&str> = ALL.iter().map(|spec| spec.name).collect();
        Error::bad_input(format!("`{}` is not an operation", jay_types::text::shorten(name, 60)))
            .hint(format!("The operations are {}.", known.join(", ")))
    })
}
