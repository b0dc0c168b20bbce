//! One of several replicas.

use config::Balance;

use crate::loads::Loads;
use crate::view::{Member, View};

/// Chooses among the members that `takes`; those that stand near first.
#[must_use]
pub fn pick(view: &View, loads: &Loads, takes: impl Fn(&Member) -> bool) -> Option<usize> {
    let members = || view.members.iter().enumerate().filter(|(_, member)| member.weight > 0 && takes(member));
    let any_near = members().any(|(_, member)| member.near);
    let candidates = || members().filter(move |(_, member)| member.near || !any_near);
    match view.balance {
        Balance::RoundRobin => in_turn(candidates, loads),
        Balance::LeastConnections => {
            // with the same load in turn, or one server would get everything while nothing goes on
            let (count, turn) = (candidates().count(), usize::try_from(loads.turn()).unwrap_or(0));
            let from = turn.checked_rem(count)?;
            let rotated = candidates().skip(from).chain(candidates().take(from));
            rotated.min_by_key(|(at, member)| pressure(*at, member, loads)).map(|(at, _)| at)
        }
        Balance::Latency => {
            let count = u64::try_from(candidates().count()).ok()?;
            let turn = mixed(loads.turn());
            let nth = |n: u64| candidates().nth(usize::try_from(n).ok()?).map(|(at, _)| at);
            let one = (turn >> 32).checked_rem(count)?;
            let first = nth(one)?;
            // another one, if there is another one
            let other = (turn & 0xffff_ffff).checked_rem(count - 1).map(|n| n + u64::from(n >= one));
            let second = other.and_then(nth).unwrap_or(first);
            let cost = |at: usize| {
                let member = view.members.get(at)?;
                Some(u128::from(loads.latency(at).max(1)) * u128::from(pressure(at, member, loads)))
            };
            Some(if cost(second) < cost(first) { second } else { first })
        }
    }
}

/// Requests under way, this one included, for the member's weight.
fn pressure(at: usize, member: &Member, loads: &Loads) -> u64 {
    (u64::from(loads.busy(at)) + 1) * 1_000_000 / u64::from(member.weight.max(1))
}

fn in_turn<'a, I: Iterator<Item = (usize, &'a Member)>>(
    candidates: impl Fn() -> I,
    loads: &Loads,
) -> Option<usize> {
    let all: u64 = candidates().map(|(_, member)| u64::from(member.weight)).sum();
    // steps of the golden ratio: those of one server are spread over the round
    let spread = u128::from(loads.turn().wrapping_mul(0x9e37_79b9_7f4a_7c15)) * u128::from(all);
    let mut left = u64::try_from(spread >> u64::BITS).ok().filter(|_| all > 0)?;
    for (at, member) in candidates() {
        match left.checked_sub(u64::from(member.weight)) {
            None => return Some(at),
            Some(less) => left = less,
        }
    }
    None
}

/// Scatters consecutive numbers (the finalizer of SplitMix64).
fn mixed(mut n: u64) -> u64 {
    n = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

#[cfg(test)]
pub(crate) mod tests;
