//! What can be photographed in the district.

pub(crate) mod covers;
pub(crate) mod litter;
pub(crate) mod mobility;
pub(crate) mod trade;
pub(crate) mod walls;
