-- From which day on somebody has to look at an entry again, so that what is stale is found without reading all bodies.
-- It follows from the body: domain::Record::review. NULL: nobody has to; '': it was never verified; else YYYY-MM-DD.
ALTER TABLE entry ADD COLUMN review TEXT COLLATE "C";
UPDATE entry SET review = CASE
        WHEN body::json ->> 'last_verified' IS NULL THEN ''
        ELSE body::json ->> 'review_due'
    END
    WHERE NOT deleted AND body IS NOT NULL AND origin IN (SELECT id FROM origin WHERE is_self)
        AND kind NOT IN ('self-assessment', 'assessment-review') AND body::json ->> 'status' <> 'ended';
CREATE INDEX entry_review ON entry (review, id) WHERE review IS NOT NULL;
