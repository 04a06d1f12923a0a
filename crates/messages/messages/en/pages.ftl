### Pages of a node. Plain words, short sentences.

language-name = English
skip-to-content = Skip to the content
site-navigation = Main
footer-navigation = About this site
language-navigation = Language

nav-home = Home
nav-offers = Find an offer
nav-api = For developers
nav-imprint = Imprint
nav-privacy = Privacy

## Landing page
landing-intro = This directory shows who gives advice to people who migrate: before departure, on the way and after arrival. You need no account, and nobody records what you search for.
landing-federated = Each organisation looks after its own entries. Nodes like this one exchange them with each other.
landing-counts = What is in it
landing-take-part = Take part
landing-take-part-text = Is your organisation missing? It can register over the interface for programs, and then keep its own entries up to date.
landing-api-docs = Description of the interface
landing-openapi = The interface as an OpenAPI document
landing-search-button = Search
search-label = What are you looking for?
search-hint = For example: language course, recognition, Tirana

count-organisations = { $count ->
    [one] organisation
   *[other] organisations
}
count-offers = { $count ->
    [one] offer
   *[other] offers
}
count-contact-points = { $count ->
    [one] contact point
   *[other] contact points
}
count-pathways = { $count ->
    [one] pathway
   *[other] pathways
}
count-events = { $count ->
    [one] event
   *[other] events
}
count-publications = { $count ->
    [one] publication
   *[other] publications
}
count-needs = { $count ->
    [one] need
   *[other] needs
}
count-quality-standards = { $count ->
    [one] quality standard
   *[other] quality standards
}

## List of offers
offers-title = Offers
offers-results = { $count ->
    [0] Nothing found
    [one] { $count } offer found
   *[other] { $count } offers found
}
offers-none = No offer matches. Try fewer filters or another word.
offers-filter-heading = Search and filter
offers-filter-any = All
offers-filter-apply = Show offers
offers-filter-reset = Remove all filters
offers-pages = Pages of the list
offers-next = Next page
offers-first = To the first page
offers-too-far = This search has more results than can be paged through. Please use more filters.
offers-by = by
filter-country = Country where it is or works
filter-destination = Country you want to go to
filter-phase = Phase
filter-topic = Topic
filter-target-group = Target group
filter-language = Language of the offer
filter-mode = How you can reach it
filter-cost = Cost

## One entry
entry-not-verified = Not yet verified
entry-not-verified-text = Nobody has yet checked this entry with the organisation that is responsible for it. Details may be out of date.
entry-verified = Last verified on { $date }
entry-facts = Details
entry-record = About this entry
entry-origin = Written at
entry-verified-by = Signature checked here
entry-here-since = Here since
entry-owner = Looked after by
entry-created = Entered
entry-modified = Last changed
entry-available-from = Available from
entry-available-until = Available until
entry-license = Licence of the data
entry-uri = Permanent address
entry-sources = Sources
entry-source-of = as of { $date }
entry-same-as = The same elsewhere
entry-as-json = This entry as data (JSON)
entry-status = Status
entry-machine-translated = Translated by a machine
entry-in-language = in { $language }

confidence-high = certain
confidence-medium = partly assumed
confidence-low = announced or doubtful

yes = yes
no = no

## Kinds
kind-organisation = Organisation
kind-offer = Offer
kind-contact-point = Contact point
kind-pathway = Pathway
kind-quality-standard = Quality standard
kind-self-assessment = Self-assessment
kind-assessment-review = Review of a self-assessment
kind-event = Event
kind-publication = Publication
kind-need = Need

## Imprint and privacy
imprint-title = Imprint
privacy-title = Privacy
legal-not-set = The operator of this node has not yet entered this text. Whoever runs a node for the public has to.
privacy-software = What the software does
privacy-software-accounts = Looking for advice needs no account.
privacy-software-cookies = These pages set no cookies and load nothing from other servers.
privacy-software-logs = What you search for is not written to any log.
privacy-regime = Data protection law that applies here: { $regime }

## Errors
error-not-found = Not found
error-not-found-text = There is no such page, or it is not public.
error-bad-request = That did not work
error-bad-request-text = The address contains a filter or value that this page does not know.
error-unavailable = Not available just now
error-unavailable-text = The directory is still being loaded. Please try again in a moment.
