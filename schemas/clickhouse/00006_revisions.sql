-- +goose Up
-- Recomputations of past days. Of a day with active revision a (the highest; 0: none) the rows count
-- that have revision a, and, for flows that came later, those with revision 0 and generation >= a.
CREATE TABLE IF NOT EXISTS revisions
(
    revision  UInt16,
    -- Whole days; until is excluded.
    since     DateTime('UTC'),
    until     DateTime('UTC'),
    -- Inserts planned from here on are not in the revision's own rows.
    cutoff    DateTime64(3, 'UTC'),
    -- building, active or abandoned.
    state     LowCardinality(String),
    created   DateTime64(3, 'UTC'),
    changed   DateTime64(3, 'UTC'),
    data_sets String,
    note      String
)
ENGINE = ReplacingMergeTree(changed)
ORDER BY revision;

-- The policies that gave the verdicts.
CREATE TABLE IF NOT EXISTS policies
(
    version    String,
    valid_from DateTime('UTC'),
    loaded     DateTime64(3, 'UTC'),
    sha256     String,
    document   String
)
ENGINE = ReplacingMergeTree(loaded)
ORDER BY version;

-- +goose Down
DROP TABLE IF EXISTS policies;
DROP TABLE IF EXISTS revisions;
