//! Why a request went where it went, as it is counted.

use classify::Against;
use route::Why;
use telemetry::Event;

use crate::batch::Reason;

/// What is in the request.
pub(crate) fn event(reason: Reason) -> Event {
    match reason {
        Reason::Against(against) => spoken_against(against),
        Reason::Hint => Event::RoutedHint,
        Reason::Unfinished => Event::RoutedUnfinished,
        Reason::Statement => Event::RoutedStatement,
        Reason::FunctionCall => Event::RoutedFunctionCall,
        Reason::Session => Event::RoutedSession,
        Reason::Catalogue => Event::RoutedCatalogue,
    }
}

/// What is known of the servers.
pub(crate) fn why(why: Why) -> Event {
    match why {
        Why::Writes => Event::RoutedWrites,
        Why::Asked => Event::RoutedAsked,
        Why::NoReplica => Event::RoutedNoReplica,
        Why::OwnWrites => Event::RoutedOwnWrites,
    }
}

fn spoken_against(against: Against) -> Event {
    match against {
        Against::Writes => Event::RoutedWrites,
        Against::MakesTable => Event::RoutedMakesTable,
        Against::Locks => Event::RoutedLocks,
        Against::Session => Event::RoutedSession,
        Against::Transaction => Event::RoutedTransaction,
        Against::Function => Event::RoutedFunction,
        Against::UnknownFunction => Event::RoutedUnknownFunction,
        Against::UnknownOperator => Event::RoutedUnknownOperator,
        Against::UnknownType => Event::RoutedUnknownType,
        Against::ServerState => Event::RoutedServerState,
        Against::SystemColumn => Event::RoutedSystemColumn,
        Against::Sequence => Event::RoutedSequence,
        Against::Unlogged => Event::RoutedUnlogged,
        Against::UnknownView => Event::RoutedUnknownView,
        Against::Copy => Event::RoutedCopy,
        Against::ExplainOption => Event::RoutedExplainOption,
        Against::Escapes => Event::RoutedEscapes,
        Against::Backslash => Event::RoutedBackslash,
        Against::CutOff => Event::RoutedCutOff,
        Against::TooLong => Event::RoutedTooLong,
        Against::UnknownStatement => Event::RoutedUnknownStatement,
        Against::Empty => Event::RoutedEmpty,
        Against::Disagreement => Event::RoutedDisagreement,
        Against::Refused => Event::RoutedRefused,
    }
}
