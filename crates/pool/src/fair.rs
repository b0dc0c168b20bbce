//! How pools share a cap on server connections that is too small for all of them: a pure decision.
//!
//! Each pool has a share in proportion to its weight; what one does not need is divided among the others. A share is
//! seldom a whole number of connections, so the places left over go round: whoever has had less than its share for
//! longest gets one next. What a pool lacks is reckoned in connections times milliseconds, its lag.
//!
//! Places are made by closing idle connections first, those of the pool that has most for its weight; then pools
//! above their share owe connections, which are closed when they come back.

use std::cmp::Reverse;

/// One pool under a cap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Claim {
    /// Its weight, at least 1.
    pub weight: u32,
    /// Its connections: lent, idle and being opened.
    pub total: u32,
    /// Those of them that nobody uses.
    pub idle: u32,
    /// How many more it would open now for those who wait.
    pub wants: u32,
    /// And how many at one time: no more is given up for it at once.
    pub pace: u32,
    /// It keeps so many idle ones.
    pub floor: u32,
    /// How much of its share it has gone without, in [`PLACE`]s times milliseconds; below zero what it has had
    /// beyond.
    pub lag: i64,
}

/// What is decided about one pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ruling {
    /// How many connections it is to have over time, in parts of a [`PLACE`].
    pub share: u64,
    /// How many it may have now; no limit of its own where there is enough for all.
    pub most: Option<u32>,
    /// How many it can count on where it does not get all it wants: its share, rounded up.
    pub bound: Option<u32>,
    /// So many of its idle connections are to be closed.
    pub evict: u32,
    /// So many of those it uses are to be closed when they come back.
    pub owes: u32,
    /// So many others give up for it now.
    pub lacks: u32,
}

/// One connection, in the parts that shares are reckoned in.
pub const PLACE: u64 = 1 << 16;
/// Whoever has a place that goes round keeps it until another lags behind it by a connection for so many
/// milliseconds: each move costs a log-in.
const TURN: i64 = 250 * signed(PLACE);
/// No lag grows beyond a connection for five seconds, so that nobody is paid for long past times with all there is.
const MOST_LAG: i64 = 5_000 * signed(PLACE);

impl Claim {
    fn busy(&self) -> u32 {
        self.total.saturating_sub(self.idle)
    }

    fn demand(&self) -> u64 {
        u64::from(self.busy()) + u64::from(self.wants)
    }

    fn weight(&self) -> u64 {
        u64::from(self.weight.max(1))
    }

    /// Its lag after so many milliseconds with this share.
    #[must_use]
    pub fn lag_after(&self, share: u64, milliseconds: u32) -> i64 {
        if share >= self.demand() * PLACE {
            return 0;
        }
        let lacking = signed(share) - signed(u64::from(self.busy()) * PLACE);
        let lag = self.lag.saturating_add(lacking.saturating_mul(i64::from(milliseconds)));
        lag.clamp(-MOST_LAG, MOST_LAG)
    }
}

const fn signed(n: u64) -> i64 {
    // shares are parts of a few million places
    if n > i64::MAX.unsigned_abs() { i64::MAX } else { n.cast_signed() }
}

/// Divides a cap among the pools under it, in their order.
#[must_use]
pub fn divide(cap: u32, claims: &[Claim]) -> Vec<Ruling> {
    let ruling = |(share, claim): (u64, &Claim)| {
        let wanting = share < claim.demand() * PLACE;
        let bound = wanting.then(|| u32::try_from(share.div_ceil(PLACE)).unwrap_or(cap));
        Ruling { share, bound, ..Ruling::default() }
    };
    let mut rulings: Vec<Ruling> = shares(cap, claims).into_iter().zip(claims).map(ruling).collect();
    let wanted: u64 = claims.iter().map(Claim::demand).sum();
    let targets = if wanted > u64::from(cap) {
        let targets = whole(cap, claims, &rulings);
        for (ruling, target) in rulings.iter_mut().zip(&targets) {
            ruling.most = Some(*target);
        }
        targets
    } else {
        claims.iter().map(|claim| claim.busy() + claim.wants).collect()
    };
    for ((ruling, claim), target) in rulings.iter_mut().zip(claims).zip(&targets) {
        ruling.lacks = if claim.wants > 0 { target.saturating_sub(claim.total).min(claim.pace) } else { 0 };
    }
    make_room(cap, claims, &targets, &mut rulings);
    rulings
}

/// Shares by weight, where nobody gets more than it wants and what is left is divided again.
fn shares(cap: u32, claims: &[Claim]) -> Vec<u64> {
    let mut shares: Vec<Option<u64>> = vec![None; claims.len()];
    let mut left = u64::from(cap) * PLACE;
    loop {
        let open = || claims.iter().zip(&shares).filter(|(_, share)| share.is_none()).map(|(claim, _)| claim);
        let weights = open().map(Claim::weight).sum::<u64>().max(1);
        let part = |claim: &Claim| left * claim.weight() / weights;
        let fits = |claim: &Claim| claim.demand() * PLACE <= part(claim);
        let content = open().any(fits);
        let settled: Vec<Option<u64>> = claims
            .iter()
            .zip(&shares)
            .map(|(claim, share)| match share {
                Some(share) => Some(*share),
                None if content => fits(claim).then(|| claim.demand() * PLACE),
                None => Some(part(claim)),
            })
            .collect();
        shares = settled;
        if shares.iter().all(Option::is_some) {
            return shares.into_iter().flatten().collect();
        }
        left = (u64::from(cap) * PLACE).saturating_sub(shares.iter().flatten().sum());
    }
}

/// Whole connections: everybody's share rounded down, and the rest to those who lag most.
fn whole(cap: u32, claims: &[Claim], rulings: &[Ruling]) -> Vec<u32> {
    let down = |ruling: &Ruling| u32::try_from(ruling.share / PLACE).unwrap_or(cap);
    let mut targets: Vec<u32> = rulings.iter().map(down).collect();
    let mut round: Vec<(i64, usize)> = Vec::new();
    for (i, ((claim, ruling), target)) in claims.iter().zip(rulings).zip(&targets).enumerate() {
        if ruling.share % PLACE > 0 {
            let holds = if claim.busy() > *target { TURN } else { 0 };
            round.push((claim.lag + holds, i));
        }
    }
    // in the order of the pools where they are equal
    round.sort_by_key(|(lag, _)| Reverse(*lag));
    let left = usize::try_from(cap.saturating_sub(targets.iter().sum())).unwrap_or(0);
    for (_, i) in round.into_iter().take(left) {
        if let Some(target) = targets.get_mut(i) {
            *target += 1;
        }
    }
    targets
}

/// Says who gives up what, until there is room for all that is lacking.
fn make_room(cap: u32, claims: &[Claim], targets: &[u32], rulings: &mut [Ruling]) {
    let all: u32 = claims.iter().map(|claim| claim.total).sum();
    let excess = all.saturating_sub(cap);
    let lacking: u32 = rulings.iter().map(|ruling| ruling.lacks).sum();
    let mut need = (lacking + excess).saturating_sub(cap.saturating_sub(all));
    // who has nothing at all gets a place even of those that are kept idle
    let mut hardship =
        claims.iter().filter(|claim| claim.wants > 0 && claim.total == 0).map(|_| 1).sum::<u32>() + excess;
    while need > 0 {
        let idle = |claim: &Claim, ruling: &Ruling| claim.wants == 0 && claim.idle > ruling.evict;
        let spare = |claim: &Claim, ruling: &Ruling| claim.total - ruling.evict > claim.floor;
        if let Some(i) = richest(claims, rulings, |c, r| idle(c, r) && spare(c, r)) {
            evict(rulings, i);
        } else if let Some(i) = richest(claims, rulings, idle).filter(|_| hardship > 0) {
            hardship -= 1;
            evict(rulings, i);
        } else {
            break;
        }
        need -= 1;
    }
    for _ in 0..need {
        let above = claims.iter().zip(rulings.iter()).zip(targets).map(|((claim, ruling), target)| {
            let kept = claim.total - ruling.evict - ruling.owes;
            kept > *target && claim.busy() > ruling.owes
        });
        let above: Vec<bool> = above.collect();
        let Some(i) = richest_of(claims, rulings, &above) else { return };
        if let Some(ruling) = rulings.get_mut(i) {
            ruling.owes += 1;
        }
    }
}

fn evict(rulings: &mut [Ruling], i: usize) {
    if let Some(ruling) = rulings.get_mut(i) {
        ruling.evict += 1;
    }
}

/// Who has most for its weight, of those for which `may` holds.
fn richest(claims: &[Claim], rulings: &[Ruling], may: impl Fn(&Claim, &Ruling) -> bool) -> Option<usize> {
    let may: Vec<bool> = claims.iter().zip(rulings).map(|(claim, ruling)| may(claim, ruling)).collect();
    richest_of(claims, rulings, &may)
}

fn richest_of(claims: &[Claim], rulings: &[Ruling], may: &[bool]) -> Option<usize> {
    let all = claims.iter().zip(rulings).zip(may).enumerate().filter(|(_, (_, may))| **may);
    let wealth = all.map(|(i, ((claim, ruling), _))| {
        let kept = claim.total - ruling.evict - ruling.owes;
        (u64::from(kept) * PLACE / claim.weight(), i)
    });
    wealth.max().map(|(_, i)| i)
}

#[cfg(test)]
mod tests;
