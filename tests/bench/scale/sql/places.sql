-- Which networks are where, and how much of the traffic they draw: networks by Zipf's law, the large
-- ones in many places, the nearest first. An AS is 1000 and its rank.
CREATE TABLE bench_pair ENGINE = MergeTree ORDER BY pair AS
WITH
    rank AS (SELECT toUInt32(number + 1) AS a FROM numbers({asns:UInt32})),
    spread AS (SELECT a, arrayJoin(range(toUInt32(greatest(1, round(60 * pow(a, -0.6)))))) AS j FROM rank),
    weighed AS (SELECT a, j, pow(a, -{asn_skew:Float64}) * (1 / (j + 1)) / sum(1 / (j + 1)) OVER (PARTITION BY a) AS weight FROM spread),
    placed AS (SELECT *,
        toUInt32(floor({places:UInt32} * pow(sipHash64(a, j) / 18446744073709551616, 2.5))) AS place,
        -- Half of the places are subdivisions of the 30 largest countries, four of each.
        if(place < {places:UInt32} / 2, intDiv(place, 4), place - toUInt32({places:UInt32} / 2) + intDiv(place, 8)) AS country FROM weighed)
SELECT toUInt32(row_number() OVER (ORDER BY a, j)) AS pair,
       1000 + a AS asn,
       concat('Network of rank ', toString(a), ', Inc.') AS as_organization,
       concat(char(65 + intDiv(country, 26)), char(65 + country % 26)) AS country_code,
       if(place < {places:UInt32} / 2, concat(country_code, '-', toString(place % 4 + 1)), '') AS subdivision_code,
       if(a <= 40 AND a % 3 = 0, ['aws', 'google', 'azure', 'oracle'][a % 4 + 1], '') AS cloud_provider,
       if(cloud_provider = '', '', concat('region-', toString(place))) AS cloud_region,
       multiIf(cloud_provider != '', 'cloud_range', a % 17 = 1, 'anycast', 'city_db') AS place_method,
       multiIf(place_method = 'cloud_range', 'published', place_method = 'anycast', 'indeterminate', sipHash64(a, j, 2) % 20 = 0, 'disputed', sipHash64(a, j, 2) % 20 < 15, 'agreed', 'single') AS confidence,
       -- The countries' own laws, but that a third of them share one; a disputed place is under none.
       multiIf(confidence IN ('indeterminate', 'disputed'), '', country % 3 = 0, 'EU', concat('law of ', country_code)) AS jurisdiction,
       if(confidence = 'disputed', concat(char(65 + (a + j) % 26), char(65 + a % 26)), '') AS place_alternatives,
       weight / sum(weight) OVER () AS weight
FROM placed;

CREATE TABLE bench_vendor ENGINE = MergeTree ORDER BY v AS
SELECT toUInt32(number + 1) AS v,
       concat('Vendor ', leftPad(toString(v), 2, '0')) AS vendor,
       ['imei_tac', 'imei_tac', 'oui', 'dhcp'][v % 4 + 1] AS vendor_method,
       pow(v, -{vendor_skew:Float64}) / sum(pow(v, -{vendor_skew:Float64})) OVER () AS weight
FROM numbers({vendors:UInt32});

-- Every combination that there can be, and its share of the flows. A vendor's handsets prefer their
-- own endpoints: log-normal. Four flows in five are seen from the handset's side.
CREATE TABLE bench_key ENGINE = MergeTree ORDER BY id AS
SELECT toUInt64(p.pair) * 1000 + v.v * 2 + s AS id,
       'operator' AS operator, 'site' AS site, ['source', 'destination'][s + 1] AS handset_side,
       v.vendor AS vendor, v.vendor_method AS vendor_method,
       p.country_code AS country_code, p.subdivision_code AS subdivision_code, p.cloud_provider AS cloud_provider,
       p.cloud_region AS cloud_region, p.asn AS asn, p.as_organization AS as_organization,
       p.place_method AS place_method, p.confidence AS confidence,
       p.jurisdiction AS jurisdiction,
       multiIf(p.confidence IN ('indeterminate', 'disputed'), 'indeterminate', p.country_code = 'AA', 'domestic', p.country_code = 'AB' AND v.v % 3 = 0, 'restricted', 'allowed') AS verdict,
       v.v AS v,
       p.weight * v.weight * [0.8, 0.2][s + 1]
           * exp(sqrt(-2 * log((sipHash64(p.pair, v.v, 1) + 1) / 18446744073709551616)) * cos(2 * pi() * (sipHash64(p.pair, v.v, 2) / 18446744073709551616))) AS raw,
       raw / sum(raw) OVER () AS weight
FROM bench_pair AS p CROSS JOIN bench_vendor AS v CROSS JOIN (SELECT toUInt64(arrayJoin([0, 1])) AS s) AS side;

-- The pairs again, as often as their weight says: a random row of it is a random flow's.
CREATE TABLE bench_slot ENGINE = MergeTree ORDER BY slot AS
SELECT toUInt32(arrayJoin(range(toUInt32(round(65536 * above)) - toUInt32(round(65536 * below))))) + toUInt32(round(65536 * below)) AS slot,
       * EXCEPT (weight, above, below)
FROM (SELECT *, sum(weight) OVER (ORDER BY pair) AS above, greatest(0, above - weight) AS below FROM bench_pair)
