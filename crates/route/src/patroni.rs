//! What Patroni says of the servers of a cluster, where it looks after them, and what that is worth.
//!
//! Each member answers for the whole cluster, as it last saw it. Who is named leader by most of those that answer, is
//! meant by all; where they are divided, or name nobody, nothing is taken from it, and what servers say of themselves
//! holds. Patroni only ever takes the right to be the primary away: nobody is the primary who does not say so itself.

/// What one member has answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opinion {
    /// Who it is itself.
    pub name: String,
    /// All members that it knows.
    pub members: Vec<Mate>,
}

/// A member, as one of them knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mate {
    /// What it is called.
    pub name: String,
    /// What it is, in Patroni's words: `leader`, `replica`, `sync_standby`, …
    pub role: String,
    /// It is to get no reads.
    pub no_load_balance: bool,
    /// It is never to become the leader.
    pub no_failover: bool,
}

/// The role of the one that may take writes.
const LEADER: &str = "leader";

/// What Patroni says of a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Vote {
    /// Nothing: it does not look after it, does not answer, or does not know.
    #[default]
    Silent,
    /// It is the leader.
    Leader,
    /// Another one is.
    Other,
}

/// What is known of it for one server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Post {
    /// What the server's own member has answered last, if it has answered the last times.
    pub opinion: Option<Opinion>,
    /// What its member is called, once that is known.
    pub name: Option<String>,
}

impl Post {
    /// What its member has answered, or that it has not.
    pub fn hear(&mut self, opinion: Option<Opinion>) {
        if let Some(opinion) = &opinion {
            self.name = Some(opinion.name.clone());
        }
        self.opinion = opinion;
    }
}

/// Whom most of those that answer name leader; none if they are divided or do not know.
fn leader(posts: &[&Post]) -> Option<String> {
    let named = |opinion: &Opinion| {
        let mut leaders = opinion.members.iter().filter(|mate| mate.role == LEADER);
        // one that names two knows nothing
        leaders.next().filter(|_| leaders.next().is_none()).map(|mate| mate.name.clone())
    };
    let opinions = || posts.iter().filter_map(|post| post.opinion.as_ref());
    let votes = |name: &String| opinions().filter(|opinion| named(opinion).as_ref() == Some(name)).count();
    let most = opinions().filter_map(named).max_by_key(votes)?;
    (votes(&most) * 2 > opinions().count()).then_some(most)
}

/// What Patroni says of each server.
#[must_use]
pub fn votes(posts: &[&Post]) -> Vec<Vote> {
    let leader = leader(posts);
    // a leader that is none of ours cannot be crowned, and is no reason to cut the others off
    let is_ours = posts.iter().any(|post| post.name.is_some() && post.name == leader);
    let vote = |post: &&Post| match (&post.name, &leader) {
        (Some(name), Some(leader)) if is_ours => {
            if name == leader {
                Vote::Leader
            } else {
                Vote::Other
            }
        }
        _ => Vote::Silent,
    };
    posts.iter().map(vote).collect()
}

/// What is said of a server itself: by its own member, else by any that answers.
#[must_use]
pub fn mate<'a>(posts: &[&'a Post], at: usize) -> Option<&'a Mate> {
    let name = posts.get(at)?.name.as_ref()?;
    let own = posts.get(at).into_iter().chain(posts);
    own.filter_map(|post| post.opinion.as_ref())
        .find_map(|opinion| opinion.members.iter().find(|mate| mate.name == *name))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The member `name` answers, and names these leaders.
    fn post(name: &str, leaders: &[&str]) -> Post {
        let mate = |name: &&str| Mate {
            name: (*name).to_owned(),
            role: if leaders.contains(name) { LEADER } else { "replica" }.to_owned(),
            ..Mate::default()
        };
        let members = ["a", "b", "c"].iter().map(mate).collect();
        let mut post = Post::default();
        post.hear(Some(Opinion { name: name.to_owned(), members }));
        post
    }

    fn silent(name: Option<&str>) -> Post {
        Post { opinion: None, name: name.map(str::to_owned) }
    }

    fn of(posts: &[Post]) -> Vec<Vote> {
        votes(&posts.iter().collect::<Vec<_>>())
    }

    #[test]
    fn whom_most_name_is_meant() {
        use Vote::{Leader, Other, Silent};
        assert_eq!(of(&[post("a", &["b"]), post("b", &["b"])]), [Other, Leader]);
        assert_eq!(of(&[post("a", &["a"]), post("b", &["b"]), post("c", &["b"])]), [Other, Leader, Other]);
        assert_eq!(of(&[post("a", &["a"]), post("b", &["b"])]), [Silent, Silent], "divided");
        assert_eq!(of(&[post("a", &[]), post("b", &[])]), [Silent, Silent], "between two leaders");
        assert_eq!(of(&[post("a", &["a", "b"]), post("b", &["a", "b"])]), [Silent, Silent]);
        assert_eq!(of(&[post("a", &["a"]), silent(Some("b"))]), [Leader, Other], "it is known by its name");
        assert_eq!(of(&[post("a", &["a"]), silent(None)]), [Leader, Silent]);
        assert_eq!(of(&[post("a", &["c"]), post("b", &["c"])]), [Silent, Silent], "none of ours");
        assert_eq!(of(&[silent(Some("a")), silent(None)]), [Silent, Silent]);
    }

    #[test]
    fn a_member_is_told_of_by_others_while_it_is_silent() {
        let posts = [silent(Some("a")), post("b", &["b"]), silent(None)];
        let posts: Vec<&Post> = posts.iter().collect();
        assert_eq!(mate(&posts, 0).map(|mate| mate.role.as_str()), Some("replica"));
        assert_eq!(mate(&posts, 2), None);
    }

    proptest! {
        #[test]
        fn there_is_one_leader_at_most_and_nobody_is_cut_off_without_one(
            posts in prop::collection::vec(
                (prop::option::of(0_usize..3), any::<bool>(), prop::collection::vec(0_usize..4, 0..3)),
                0..5,
            ),
        ) {
            let names = ["a", "b", "c", "d"];
            let posts: Vec<Post> = posts
                .into_iter()
                .map(|(name, answers, leaders)| match name {
                    Some(name) if answers => {
                        post(names[name], &leaders.into_iter().map(|at| names[at]).collect::<Vec<_>>())
                    }
                    name => silent(name.map(|name| names[name])),
                })
                .collect();
            let votes = of(&posts);
            let leaders: std::collections::BTreeSet<_> =
                posts.iter().zip(&votes).filter(|(_, vote)| **vote == Vote::Leader).map(|(post, _)| &post.name).collect();
            prop_assert!(leaders.len() <= 1);
            prop_assert!(leaders.len() == 1 || !votes.contains(&Vote::Other));
            prop_assert!(posts.iter().any(|post| post.opinion.is_some()) || !votes.contains(&Vote::Leader));
        }
    }
}
