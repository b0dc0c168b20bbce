//! The console.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use session::{Console, Hub, Visitor};

/// Serves administrators.
#[derive(Default)]
pub(crate) struct Office;

impl Console for Office {
    fn serve<'a>(
        &'a self,
        _hub: &'a Arc<Hub>,
        visitor: Visitor,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(async move { drop(visitor) })
    }
}
