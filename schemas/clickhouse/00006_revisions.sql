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

-- The data sets that judged flows, whole, under the names and versions that flows have in data_sets. An
-- aggregator adds a set when it first sees a batch that names it; the rows of several are one.
CREATE TABLE IF NOT EXISTS data_sets
(
    name          LowCardinality(String),
    version       String,
    -- Of the files, joined by commas.
    sha256        String,
    -- From when on it judged; 1970: from the beginning.
    in_force_from DateTime64(3, 'UTC'),
    -- The data's own date; 1970: it has none.
    built         SimpleAggregateFunction(max, DateTime64(3, 'UTC')),
    license       SimpleAggregateFunction(max, String),
    source        SimpleAggregateFunction(max, String),
    credit        SimpleAggregateFunction(max, String),
    -- Arrival of the first batch that was seen to name it.
    first_used    SimpleAggregateFunction(min, DateTime64(3, 'UTC'))
)
ENGINE = AggregatingMergeTree
ORDER BY (name, version, sha256, in_force_from);

-- The policies that gave the verdicts, word by word: the file that the aggregator is told of.
CREATE TABLE IF NOT EXISTS policies
(
    version    String,
    sha256     String,
    document   SimpleAggregateFunction(max, String),
    first_seen SimpleAggregateFunction(min, DateTime64(3, 'UTC'))
)
ENGINE = AggregatingMergeTree
ORDER BY (version, sha256);

-- +goose Down
DROP TABLE IF EXISTS policies;
DROP TABLE IF EXISTS data_sets;
DROP TABLE IF EXISTS revisions;
