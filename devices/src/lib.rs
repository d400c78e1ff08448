//! The device layer of sonset.
