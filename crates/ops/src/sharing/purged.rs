//! Remotes as places of a purge: it is done only when they are rid of the text too.

use super::{WORK, all};
use jay_core::Call;
use jay_core::purge::Place;
use jay_transfer::sync::config::RemoteConfig;
use jay_transfer::sync::purging::{Riddance, out_of_reach, riddance};
use jay_transfer::sync::temporary;
use jay_types::{EntityId, Result};

/// The remotes that carried these entities, as places, and whether they are rid of them.
pub(crate) fn places(call: &Call<'_>, entities: &[EntityId]) -> Result<Vec<Place>> {
    let (memory, archive) = call.engine.stores();
    let mut places = in_plain_text(call)?;
    for remote in all(call)? {
        places.extend(with_others(call, &remote, entities)?);
        let waiting_for = match riddance(memory, archive, &remote, entities)? {
            Riddance::Never => continue,
            Riddance::Gone => None,
            Riddance::ToBeLookedThrough => Some(format!("`jay sync {}` here", remote.name)),
            Riddance::HeldBy(nodes) => {
                let nodes: Vec<String> = nodes.iter().map(ToString::to_string).collect();
                Some(format!("`jay sync` on {}", nodes.join(", ")))
            }
        };
        places.push(Place { place: format!("remote {}", remote.name), done: waiting_for.is_none(), waiting_for });
    }
    Ok(places)
}

/// Other machines, where what they took in was shared with them and the purge is not.
fn with_others(call: &Call<'_>, remote: &RemoteConfig, entities: &[EntityId]) -> Result<Option<Place>> {
    let (memory, archive) = call.engine.stores();
    let paths: Vec<String> = out_of_reach(memory, archive, remote, entities)?.into_iter().collect();
    if paths.is_empty() {
        return Ok(None);
    }
    let name = &remote.name;
    let waiting_for = format!(
        "you: `{}` is not shared with `{name}` any longer, so that this purge does not reach them. Share it again as it was, by its name \
         (`jay namespace rename` or `alias`) or by what is chosen (`jay remote remove {name}`, and add it again), and `jay sync {name}`; \
         or purge it on each of them",
        paths.join("`, `")
    );
    let place = format!("remote {name}, machines that took it in");
    Ok(Some(Place { place, done: false, waiting_for: Some(waiting_for) }))
}

/// Files in which a checkpoint lies in plain text.
fn in_plain_text(call: &Call<'_>) -> Result<Vec<Place>> {
    let (memory, archive) = call.engine.stores();
    let (found, waiting_for) = temporary::purge(memory, archive, WORK.lock)?;
    let place = |path: std::path::PathBuf| Place {
        place: path.display().to_string(),
        done: waiting_for.is_none(),
        waiting_for: waiting_for.clone(),
    };
    Ok(found.into_iter().map(place).collect())
}
