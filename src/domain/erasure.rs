//! Why the personal data of an entry are erased.

use super::code_list::code_list;

code_list! {
    /// On which ground the personal data of an entry were erased.
    #[schema(example = "retention_ended")]
    ErasureGround {
        /// The time is over for which the law or the rules on archives have it kept.
        RetentionEnded = "retention_ended",
        /// A court ordered it.
        CourtOrder = "court_order",
        /// The data protection authority or officer ordered it (Regulation (EU) 2016/679 art. 17).
        DataProtectionOrder = "data_protection_order",
    }
}
