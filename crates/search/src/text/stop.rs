//! Words that hold sentences together and that nobody looks for: not indexed, and left out of queries.

/// Folded words by primary language subtag.
const WORDS: &[(&str, &str)] = &[
    (
        "de",
        "aber als am an auch auf aus bei bin bis bzw da das dass dem den der des die dies diese dieser dieses du durch \
         ein eine einem einen einer eines er es fur hat ich ihr ihre ihrem ihren ihrer im in ist ist kann konnen mit \
         nach nicht noch nur oder ob sein seine sich sie sind so sowie uber um und uns unser unsere vom von vor war was \
         wenn wer werden wie wir wird wo zu zum zur",
    ),
    (
        "en",
        "a an and are as at be been but by can do for from has have he her his how i if in into is it its my no not of \
         on or our she so such than that the their them then there these they this to was we were what when where \
         which who will with you your",
    ),
    (
        "fr",
        "a au aux avec c ce ces cette d dans de des du elle en est et eux il ils j je l la le les leur leurs lui m mais \
         me n ne nos notre nous on ou par pas pour qu que qui s sa se ses son sont sur t te tu un une vos votre vous y",
    ),
    (
        "es",
        "a al como con de del e el ella en entre es esta este esto ha la las le les lo los mas mi mis no nos o para pero \
         por que se si sin sobre son su sus te tu un una uno unos y ya",
    ),
    (
        "it",
        "a ad al alla ai agli anche che chi con da dal dei del della delle di e ed gli i il in la le lo loro ma nei nel non o per piu se si sono su sul sulla tra un una uno",
    ),
    (
        "pt",
        "a ao aos as com da das de do dos e ela ele em entre esta este eu mais mas na nas no nos o os ou para pela pelo por que se sem seu sua sao um uma",
    ),
    ("tr", "bir bu da de den dan icin ile mi ne o ve veya ya"),
    (
        "ru",
        "а без бы в во вы где да для до его ее если же за и из или их к как ко мы на не но о об он она они от по при с со так то у что это я",
    ),
    (
        "ar",
        "في من الي علي عن مع هذا هذه ذلك التي الذي ان او و ثم كما لا ما هو هي كل قد",
    ),
    (
        "nl",
        "aan als bij dat de den der die dit door een en er het hij ik in is met naar niet of om ook op over te tot uit van voor was wij ze zich zijn zo",
    ),
    (
        "pl",
        "a ale co czy dla do i ich jak jest na nie o od oraz po pod przez przy sie sa ta te to w we z za ze",
    ),
    (
        "ro",
        "a ai al ale am au ca ce cu de din este fi in la mai nu o pe pentru prin sa si sau sunt un una",
    ),
];

/// Whether a folded word is a stop word of the language.
pub(crate) fn contains(language: &str, folded: &str) -> bool {
    // A dozen short lists; a set would have to be built first and is no faster for so few words that are this short.
    WORDS.iter().any(|(of, words)| {
        *of == language && words.split_ascii_whitespace().any(|word| word == folded)
    })
}

/// Whether a folded word is a stop word of any language.
pub(crate) fn contains_any(folded: &str) -> bool {
    WORDS
        .iter()
        .any(|(_, words)| words.split_ascii_whitespace().any(|word| word == folded))
}
