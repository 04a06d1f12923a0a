### Seiten eines Knotens. Einfache Wörter, kurze Sätze.

language-name = Deutsch
skip-to-content = Zum Inhalt springen
site-navigation = Hauptmenü
footer-navigation = Über diese Seite
language-navigation = Sprache

nav-home = Startseite
nav-offers = Angebote finden
nav-api = Für Entwickler:innen
nav-imprint = Impressum
nav-privacy = Datenschutz

## Landing page
landing-intro = Dieses Verzeichnis zeigt, wer Menschen berät, die migrieren: vor der Ausreise, unterwegs und nach der Ankunft. Sie brauchen kein Konto, und niemand hält fest, wonach Sie suchen.
landing-federated = Jede Organisation pflegt ihre eigenen Einträge. Knoten wie dieser tauschen sie untereinander aus.
landing-counts = Was darin steht
landing-take-part = Mitmachen
landing-take-part-text = Fehlt Ihre Organisation? Sie kann sich über die Programmierschnittstelle anmelden und ihre Einträge dann selbst pflegen.
landing-api-docs = Beschreibung der Schnittstelle
landing-openapi = Die Schnittstelle als OpenAPI-Dokument
landing-search-button = Suchen
search-label = Wonach suchen Sie?
search-hint = Zum Beispiel: Sprachkurs, Anerkennung, Tirana

count-organisations = { $count ->
    [one] Organisation
   *[other] Organisationen
}
count-offers = { $count ->
    [one] Angebot
   *[other] Angebote
}
count-contact-points = { $count ->
    [one] Kontaktstelle
   *[other] Kontaktstellen
}
count-pathways = { $count ->
    [one] Übergang
   *[other] Übergänge
}
count-events = { $count ->
    [one] Veranstaltung
   *[other] Veranstaltungen
}
count-publications = { $count ->
    [one] Veröffentlichung
   *[other] Veröffentlichungen
}
count-needs = { $count ->
    [one] Bedarf
   *[other] Bedarfe
}
count-quality-standards = { $count ->
    [one] Qualitätsstandard
   *[other] Qualitätsstandards
}

## List of offers
offers-title = Angebote
offers-results = { $count ->
    [0] Nichts gefunden
    [one] { $count } Angebot gefunden
   *[other] { $count } Angebote gefunden
}
offers-none = Kein Angebot passt. Versuchen Sie es mit weniger Filtern oder einem anderen Wort.
offers-filter-heading = Suchen und filtern
offers-filter-any = Alle
offers-filter-apply = Angebote zeigen
offers-filter-reset = Alle Filter entfernen
offers-pages = Seiten der Liste
offers-next = Nächste Seite
offers-first = Zur ersten Seite
offers-too-far = Diese Suche hat mehr Treffer, als sich durchblättern lassen. Bitte nutzen Sie mehr Filter.
offers-by = von
filter-country = Land, in dem es ist oder wirkt
filter-destination = Land, in das Sie wollen
filter-phase = Phase
filter-topic = Thema
filter-target-group = Zielgruppe
filter-language = Sprache des Angebots
filter-mode = Wie Sie es erreichen
filter-cost = Kosten

## One entry
entry-not-verified = Noch nicht geprüft
entry-not-verified-text = Diesen Eintrag hat noch niemand mit der zuständigen Organisation geprüft. Angaben können veraltet sein.
entry-verified = Zuletzt geprüft am { $date }
entry-facts = Angaben
entry-record = Zu diesem Eintrag
entry-origin = Geschrieben bei
entry-verified-by = Unterschrift hier geprüft
entry-here-since = Hier seit
entry-owner = Gepflegt von
entry-created = Eingetragen
entry-modified = Zuletzt geändert
entry-available-from = Verfügbar ab
entry-available-until = Verfügbar bis
entry-license = Lizenz der Daten
entry-uri = Dauerhafte Adresse
entry-sources = Quellen
entry-source-of = Stand { $date }
entry-same-as = Dasselbe an anderer Stelle
entry-as-json = Dieser Eintrag als Daten (JSON)
entry-status = Status
entry-machine-translated = Maschinell übersetzt
entry-in-language = auf { $language }

confidence-high = sicher
confidence-medium = teilweise angenommen
confidence-low = angekündigt oder zweifelhaft

yes = ja
no = nein

## Kinds
kind-organisation = Organisation
kind-offer = Angebot
kind-contact-point = Kontaktstelle
kind-pathway = Übergang
kind-quality-standard = Qualitätsstandard
kind-self-assessment = Selbstbewertung
kind-assessment-review = Begutachtung einer Selbstbewertung
kind-event = Veranstaltung
kind-publication = Veröffentlichung
kind-need = Bedarf

## Imprint and privacy
imprint-title = Impressum
privacy-title = Datenschutz
legal-not-set = Der Betreiber dieses Knotens hat diesen Text noch nicht eingetragen. Wer einen Knoten öffentlich betreibt, muss das tun.
privacy-software = Was die Software tut
privacy-software-accounts = Wer Beratung sucht, braucht kein Konto.
privacy-software-cookies = Diese Seiten setzen keine Cookies und laden nichts von anderen Servern.
privacy-software-logs = Wonach Sie suchen, steht in keinem Protokoll.
privacy-regime = Datenschutzrecht, das hier gilt: { $regime }

## Errors
error-not-found = Nicht gefunden
error-not-found-text = Diese Seite gibt es nicht, oder sie ist nicht öffentlich.
error-bad-request = Das hat nicht geklappt
error-bad-request-text = Die Adresse enthält einen Filter oder Wert, den diese Seite nicht kennt.
error-unavailable = Gerade nicht erreichbar
error-unavailable-text = Das Verzeichnis wird noch geladen. Bitte versuchen Sie es gleich noch einmal.
