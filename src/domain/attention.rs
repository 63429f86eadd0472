//! Attentions of the citizens' service.

use super::code_list::code_list;

code_list! {
    /// What came of an attention.
    #[schema(example = "answered")]
    AttentionOutcome {
        /// It ended there.
        Answered = "answered",
        /// Somebody else goes on with it.
        Transferred = "transferred",
        /// The person will be called.
        CallBack = "call_back",
    }
}
