//! What sonset and its device library say to each other.
