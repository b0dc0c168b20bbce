//! What a text leaves behind in a session, in the words of those who keep servers.
//!
//! `classify` reads the text and knows nothing of servers, `pool` keeps servers and knows nothing of texts.

use std::sync::Arc;

use classify::effects::{Channel, Effects, Lexis, Setting, SettingName};
use pool::left::{Marks, Name, Pins, Touched, Traces};
use pool::notify::Tuning;
use pool::prepared::{About, Catalog, Judged};
use pool::{Params, Server};
use wire::frontend::bind;

/// Whether a glance at a text shows that there is nothing in it to follow; not where it is in doubt how strings end.
pub(crate) fn is_plain(sql: &[u8], server: &Server) -> bool {
    let doubt = server.left.lexis_in_doubt || server.params.has_odd_encoding();
    !doubt && classify::effects::is_plain(sql, Lexis { backslashes: server.params.has_backslashes() })
}

/// Notes a text that may define anew what prepared statements speak of.
pub(crate) fn note_definitions(sql: &[u8], server: &mut Server, catalog: &Catalog) {
    if classify::words::redefines(sql) {
        note_redefined(server, catalog);
        if crate::defines::defines(sql) {
            note_defined(server, catalog);
        }
    }
    if crate::defines::ends(sql) {
        note_end(server);
    }
}

/// Names may mean something else once the transaction of this is over.
pub(crate) fn note_defined(server: &mut Server, catalog: &Catalog) {
    match &server.left.pending {
        Some(pending) => pending.sends(),
        None => server.left.pending = catalog.definitions().map(|definitions| definitions.begin()),
    }
}

/// A transaction may end now, and what was defined in it take effect.
pub(crate) fn note_end(server: &Server) {
    if let Some(pending) = &server.left.pending {
        pending.sends();
    }
}

/// Something may be defined anew: noted now, for the client itself, and again when its transaction is over, for others.
pub(crate) fn note_redefined(server: &mut Server, catalog: &Catalog) {
    server.left.redefines = true;
    catalog.forget_texts();
}

/// What running this text on this server may do beyond its transaction; `None`: nothing. `whole`: all of it is here.
pub(crate) fn effects(sql: &[u8], whole: bool, server: &Server) -> Option<Box<Effects>> {
    effects_with(sql, whole, &server.params, server.left.lexis_in_doubt)
}

/// The same, with these settings. `doubt`: one may be another by then that says where strings end.
pub(crate) fn effects_with(sql: &[u8], whole: bool, params: &Params, doubt: bool) -> Option<Box<Effects>> {
    let effects = classify::effects(sql, whole, Lexis { backslashes: params.has_backslashes() });
    if (doubt || params.has_odd_encoding()) && sql.contains(&b'\\') {
        // where its strings end depends on what nobody knows yet
        let mut effects = effects.unwrap_or_default();
        effects.marks.insert(classify::Marks::UNKNOWN);
        return Some(effects);
    }
    effects
}

/// The same, for a statement that is prepared and may be run whenever.
pub(crate) fn about(sql: &[u8], server: &Server) -> About {
    effects(sql, true, server).map(|effects| about_of(&effects)).unwrap_or_default()
}

/// The same, once the text was read.
pub(crate) fn about_of(effects: &Effects) -> About {
    About {
        forgets: forgets(effects),
        redefines: false,
        defines: false,
        traces: traces(effects).map(Arc::new),
        naming: None,
        tunings: tunings(effects),
        judged: Judged::default(),
    }
}

/// Why a server would be kept by what this text leaves behind; nothing if the text itself says that it will not.
pub(crate) fn pins(effects: &Effects, sql: &[u8]) -> Pins {
    let pins = traces(effects).map(|traces| traces.marks.pins()).unwrap_or_default();
    let phrase = b"on commit drop";
    let drops = sql.windows(phrase.len()).any(|text| text.eq_ignore_ascii_case(phrase));
    if drops { pins.without(Pins::TEMPORARY) } else { pins }
}

/// Whether all prepared statements may be forgotten.
pub(crate) fn forgets(effects: &Effects) -> bool {
    effects.marks.contains(classify::Marks::FORGETS)
}

/// What changes in what the client listens to.
pub(crate) fn tunings(effects: &Effects) -> Vec<Tuning> {
    let channel = |channel: &Channel| match channel {
        Channel::Listen(name) => Tuning::Listen(name.clone()),
        Channel::Unlisten(name) => Tuning::Unlisten(name.clone()),
        Channel::UnlistenAll => Tuning::UnlistenAll,
    };
    let all = effects.marks.contains(classify::Marks::DISCARDS_ALL).then_some(Tuning::UnlistenAll);
    all.into_iter().chain(effects.channels.iter().map(channel)).collect()
}

/// What may be left behind on the server.
pub(crate) fn traces(effects: &Effects) -> Option<Traces> {
    use classify::Marks as Seen;
    let mut marks = Marks::default();
    for (seen, mark) in [
        (Seen::UNKNOWN, Marks::UNKNOWN),
        (Seen::RESETS_ALL, Marks::RESETS_ALL),
        (Seen::DISCARDS_ALL, Marks::DISCARDS_ALL),
        (Seen::TEMPORARY, Marks::TEMPORARY),
        (Seen::HOLDS, Marks::HOLDS),
        (Seen::LOCKS, Marks::LOCKS),
        (Seen::LOADS, Marks::LOADS),
        (Seen::PINS, Marks::PINS),
        (Seen::RELEASES, Marks::RELEASES),
        (Seen::LISTENS, Marks::LISTENS),
        (Seen::UNLISTENS, Marks::RELEASES),
    ] {
        if effects.marks.contains(seen) {
            marks.insert(mark);
        }
    }
    let settings: Vec<Touched> = effects.settings.iter().map(touched).collect();
    (!marks.is_empty() || !settings.is_empty()).then_some(Traces { marks, settings })
}

fn touched(setting: &Setting) -> Touched {
    let name = match &setting.name {
        SettingName::Known(name) => Name::Known(name.clone()),
        SettingName::Bound(number) => Name::Bound(*number),
    };
    Touched { name, to_default: setting.to_default }
}

/// What a statement leaves behind that is run with the parameters of this Bind, as far as they are here.
pub(crate) fn bound(traces: &Traces, parameters: &[u8]) -> Traces {
    let mut bound = Traces { marks: traces.marks, settings: Vec::new() };
    for touched in &traces.settings {
        let name = match touched.name {
            Name::Known(ref name) => Some(name.clone()),
            Name::Bound(number) => {
                let text = bind::parameter(parameters, number).and_then(|text| str::from_utf8(text).ok());
                text.filter(|text| text.is_ascii()).map(Into::into)
            }
        };
        match name {
            Some(name) => bound.touch(Touched { name: Name::Known(name), to_default: touched.to_default }),
            // whatever it is
            None => bound.marks.insert(Marks::UNKNOWN),
        }
    }
    bound
}
