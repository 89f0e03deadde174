"""Files as people have them: forms of tables and times, and what is said of those that are wrong."""

from __future__ import annotations

import gzip
import io
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as arrow_parquet
import pytest

from trimtab.app.series_files.layout import Columns
from trimtab.app.series_files.reading import ReadAs, SeriesFile, read_series
from trimtab.app.series_files.times import TimeForm
from trimtab.model.errors import InputError


def read(text: str, how: ReadAs | None = None) -> SeriesFile:
    return read_series(text.encode(), "F.csv", how)


def times(file: SeriesFile, place: int = 0) -> list[str]:
    return [datetime.fromtimestamp(at / 1000, UTC).strftime("%m-%dT%H:%M") for at in file.series[place].series.at_ms]


def test_wide_long_and_plain_say_the_same() -> None:
    plain = read("timestamp,value\n2026-01-01T00:00:00Z,1\n2026-01-01T00:01:00Z,2\n")
    long = read("time,series,value\n2026-01-01T00:00:00Z,a,1\n2026-01-01T00:00:00Z,b,5\n2026-01-01T00:01:00Z,a,2\n")
    wide = read("ts,a,b\n2026-01-01T00:00:00Z,1,5\n2026-01-01T00:01:00Z,2,\n")
    assert plain.series[0].series.values.tolist() == [1, 2]
    assert [one.series.name for one in long.series] == [one.series.name for one in wide.series] == ["a", "b"]
    assert long.series[0].series.values.tolist() == wide.series[0].series.values.tolist() == [1, 2]
    assert long.series[1].series.values.tolist() == [5]
    np.testing.assert_array_equal(wide.series[1].series.values, [5, np.nan])


def test_series_may_have_several_columns_of_names() -> None:
    how = ReadAs(Columns(series=("host", "disk")))
    file = read("timestamp,host,disk,used\n1760000000,a,sda,1\n1760000000,a,sdb,2\n1760000060,a,sda,3\n", how)
    assert [(one.series.name, one.series.values.tolist()) for one in file.series] == [
        ("a, sda", [1, 3]),
        ("a, sdb", [2]),
    ]


@pytest.mark.parametrize(
    ("cell", "form"),
    [
        ("2026-03-01T12:00:00Z", TimeForm()),
        ("2026-03-01 12:00:00", TimeForm()),
        ("2026-03-01T14:00:00+02:00", TimeForm()),
        ("2026-03-01T12:00:00.000000000Z", TimeForm()),
        ("2026-03-01 13:00", TimeForm(zone="Europe/Berlin")),
        ("1772366400", TimeForm()),
        ("1772366400.0", TimeForm()),
        ("1772366400000", TimeForm()),
        ("1772366400000000", TimeForm()),
        ("1772366400000000000", TimeForm()),
        ("1772366400", TimeForm(unit="s")),
        ("01.03.2026 12:00", TimeForm(form="%d.%m.%Y %H:%M")),
        ("01/Mar/2026:13:00:00 +0100", TimeForm(form="%d/%b/%Y:%H:%M:%S %z")),
    ],
)
def test_one_moment_in_many_forms(cell: str, form: TimeForm) -> None:
    file = read(f"timestamp,value\n{cell},1\n", ReadAs(times=form))
    assert datetime.fromtimestamp(int(file.series[0].series.at_ms[0]) / 1000, UTC) == datetime(
        2026, 3, 1, 12, tzinfo=UTC
    )


def test_a_zone_that_nobody_named_is_said() -> None:
    assert "read as UTC" in read("timestamp,value\n2026-03-01 12:00,1\n").notes[0]
    assert not read("timestamp,value\n2026-03-01 12:00Z,1\n").notes
    assert not read("timestamp,value\n2026-03-01 12:00,1\n", ReadAs(times=TimeForm(zone="UTC"))).notes


def test_the_hour_that_comes_twice() -> None:
    rows = ("01:30", "02:00", "02:30", "02:00", "02:30", "03:00")
    text = "timestamp,value\n" + "".join(f"2026-10-25 {row},1\n" for row in rows)
    file = read(text, ReadAs(times=TimeForm(zone="Europe/Berlin")))
    assert times(file) == ["10-24T23:30", "10-25T00:00", "10-25T00:30", "10-25T01:00", "10-25T01:30", "10-25T02:00"]


def test_the_hour_that_never_was() -> None:
    with pytest.raises(InputError, match=r"F.csv, line 3, column timestamp: there was no 2026-03-29 02:30:00 in"):
        read(
            "timestamp,value\n2026-03-29 01:30,1\n2026-03-29 02:30,1\n",
            ReadAs(times=TimeForm(zone="Europe/Berlin")),
        )


def test_order_and_repetition_are_mended_and_said() -> None:
    file = read("timestamp,value\n60,1\n0,2\n60,3\n120,4\n")
    one = file.series[0]
    assert one.series.values.tolist() == [2, 1, 4]
    assert one.sample_of_row.tolist() == [1, 0, 1, 2]
    assert file.notes[1:] == (
        "1 row is earlier than the row before: the rows were put in order",
        "1 row repeats a time of the series: the first row of a time counts",
    )


def test_parquet_with_its_own_types() -> None:
    table = pa.table(
        {
            "time": pa.array([datetime(2026, 1, 1, tzinfo=UTC)], pa.timestamp("us", "Europe/Berlin")),
            "latency_ms": pa.array([Decimal("1.5")]),
            "calls": pa.array([3], pa.uint16()),
        }
    )
    out = io.BytesIO()
    arrow_parquet.write_table(table, out)
    file = read_series(out.getvalue(), "F.parquet")
    assert [(one.series.name, one.series.unit, one.series.values.tolist()) for one in file.series] == [
        ("latency_ms", "ms", [1.5]),
        ("calls", "", [3.0]),
    ]
    assert times(file) == ["01-01T00:00"]


def test_missing_values_and_blank_lines_and_other_delimiters() -> None:
    file = read("\ufefftimestamp;value\r\n0;1\r\n60;NaN\r\n120;\r\n180;null\r\n240;-\r\n300;2e3\r\n\r\n")
    np.testing.assert_array_equal(file.series[0].series.values, [1, np.nan, np.nan, np.nan, np.nan, 2000])
    assert file.series[0].series.step_ms == 60_000


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "F.csv is empty"),
        ("timestamp,value\n", "F.csv has a header, and no rows"),
        ("timestamp\n1\n", "line 1: wanted is a header such as 'timestamp,value', found 'timestamp'"),
        ("2026-01-01T00:00:00Z,1\n2026-01-01T00:01:00Z,2\n", "line 1: wanted is a header"),
        (
            "timestamp,value\n2026-01-01T00:00:00Z,1\n2026-01-01T00:01:00Z,fast\n",
            "line 3, column value: 'fast' is no number",
        ),
        ("timestamp,value\n0,1\n60,inf\n", "line 3, column value: 'inf' is no finite number"),
        ("timestamp,value\n0,1\n60,1,5\n", "2 fields are wanted in each line; line 3 has 3 fields: '60,1,5'"),
        (
            "timestamp,value\n0,1\nyesterday,2\n",
            "line 3, column timestamp: 'yesterday' is no time: the rows before are numbers",
        ),
        ("timestamp,value\n0,1\n,2\n", "line 3, column timestamp: '' is no time"),
        ("timestamp,value\n2026-01-01T00:00:00Z,1\n2026-01-01T00:00:00,2\n", "names no zone, and the first"),
        (
            "timestamp,value\n2026-01-01T00:00:00Z,1\nyesterday,2\n",
            "line 3, column timestamp: 'yesterday' is no time, such as '2026-01-01T00:00:00Z'",
        ),
        ("timestamp,value,value\n0,1,2\n", "the column 'value' stands there twice"),
        (
            "timestamp,host,used\n0,a,1\n",
            "the column 'host' holds texts: is it the name of a series (--series-column host)",
        ),
        ("timestamp,value\n1e3,1\n", "'1e3' is no time"),
        ("timestamp,value\n99999999999999999999,1\n", "is after 2262"),
        ("timestamp,series,value\n0,,1\n0,a\n", "3 fields are wanted in each line"),
        ("timestamp,value\n0,1\n60,2e101\n", "line 3, column value: 2e+101 is beyond ±1e+100"),
        ("timestamp,series,value\n0,a,1\n0,,1\n", "line 3, column series: the name of the series is missing"),
        (
            "timestamp,host,value\n0,a,1\n0,b,2\n60,a,1\n60,b,2\n",
            "times repeat, and 'host' tells their rows apart: does it name series (--series-column 'host')?",
        ),
        (
            "timestamp,series,host,value\n0,a,x,1\n0,a,y,2\n0,b,x,1\n0,b,y,2\n60,a,x,1\n",
            "does it name series (--series-column 'series' --series-column 'host')?",
        ),
        ("timestamp,value\nyesterday,1\n", "line 2, column timestamp: 'yesterday' is no time: wanted is ISO 8601"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str, message: str) -> None:
    with pytest.raises(InputError) as raised:
        read(text)
    assert message in raised.value.message


def test_text_that_is_not_utf_8_is_named_by_its_line() -> None:
    for data in ("timestamp,value\n0,1\n60,größer\n", "timestamp,value\n0,1\n60,ö,1\n"):
        with pytest.raises(InputError, match=r"F.csv, line 3: its text is not UTF-8 \(byte 0xf6\)"):
            read_series(data.encode("latin1"), "F.csv")


def test_old_ends_of_lines_and_utf_16_are_read() -> None:
    text = "timestamp,value\n2026-01-01T00:00Z,1\n2026-01-01T00:01Z,2\n"
    for data in (text.encode("utf-16"), text.replace("\n", "\r").encode(), text.replace("\n", "\r\n").encode()):
        assert read_series(data, "F.csv").series[0].series.values.tolist() == [1, 2]
    with pytest.raises(InputError, match="line 3, column value: 'x' is no number"):
        read_series(b"timestamp,value\r0,1\r60,x\r", "F.csv")


def test_packed_files_are_named() -> None:
    with pytest.raises(InputError, match=r"F.csv is packed by gzip: unpack it .* \(gzip -dc F.csv"):
        read_series(gzip.compress(b"timestamp,value\n0,1\n"), "F.csv")


def test_commas_are_decimal_between_semicolons() -> None:
    file = read("timestamp;cpu;disk\n2026-01-01T00:00Z;1,5;1.5\n2026-01-01T00:01Z;-2;2\n")
    assert [one.series.values.tolist() for one in file.series] == [[1.5, -2], [1.5, 2]]
    assert file.notes == ("commas in 'cpu' are read as decimal: 3,5 is 3.5",)
    with pytest.raises(InputError, match="line 2, column value: '1,5' is no number"):
        read("timestamp;value\n0;1,5\n60;1.234,5\n")


def test_a_quote_that_nobody_closed_makes_a_short_message() -> None:
    rows = "".join(f"{at},1\n" for at in range(60, 60 * 30_000, 60))
    with pytest.raises(InputError, match=r"line 2, column value: '1\\n60,1") as raised:
        read('timestamp,value\n0,"1\n' + rows)
    assert len(raised.value.message) < 200


def test_columns_that_are_not_looked_at_are_said() -> None:
    file = read(",timestamp,cpu, \n0,2026-01-01T00:00Z,5,\n1,2026-01-01T00:01Z,6,\n")
    assert [one.series.name for one in file.series] == ["cpu"]
    assert file.notes == ("not looked at: the columns '', ' ' (--value-column, --series-column)",)
    beside = read("timestamp,value,value_max\n2026-01-01T00:00Z,5,6\n")
    assert [one.series.name for one in beside.series] == ["value"]
    assert "'value_max'" in beside.notes[0]


def test_repeated_times_beside_remarks_are_no_series() -> None:
    file = read("timestamp,remark,value\n0,ok,1\n0,ok,2\n60,late,1\n60,ok,2\n")
    assert file.series[0].series.values.tolist() == [1, 1]
    assert "2 rows repeat a time of the series: the first row of a time counts" in file.notes
    told_so = ReadAs(Columns(values=("value",)))
    hosts = "timestamp,host,value\n0,a,1\n0,b,2\n60,a,1\n60,b,2\n"
    assert read(hosts, told_so).series[0].series.values.tolist() == [1, 1]


def test_numbers_that_are_hardly_times_are_said() -> None:
    file = read("timestamp,value\n0,1\n1,2\n")
    assert "1970-01-01T00:00:01+00:00: is it a time (--time-column, --time-unit)?" in file.notes[0]


def test_an_index_of_pandas_at_the_end_is_the_time() -> None:
    moments = pa.array([datetime(2026, 1, 1, hour) for hour in range(2)], pa.timestamp("ns"))  # noqa: DTZ001
    out = io.BytesIO()
    arrow_parquet.write_table(pa.table({"cpu": [1.0, 2.0], "__index_level_0__": moments}), out)
    file = read_series(out.getvalue(), "F.parquet")
    assert times(file) == ["01-01T00:00", "01-01T01:00"]
    assert [one.series.name for one in file.series] == ["cpu"]


def test_a_line_is_counted_over_blank_lines_and_quoted_breaks() -> None:
    with pytest.raises(InputError, match="line 6, column value: 'x' is no number"):
        read('timestamp,series,value\n\n0,"a\nb",1\n\n0,c,x\n')


def test_columns_that_are_not_there() -> None:
    with pytest.raises(InputError, match=r"--time-column: F.csv has no column 'when'; it has timestamp, value"):
        read("timestamp,value\n0,1\n", ReadAs(Columns(time="when")))
    with pytest.raises(InputError, match="there is no zone 'Berlin'"):
        read("timestamp,value\n2026-01-01 00:00,1\n", ReadAs(times=TimeForm(zone="Berlin")))


def test_parquet_that_is_torn() -> None:
    with pytest.raises(InputError, match="begins as Parquet does, and could not be read"):
        read_series(b"PAR1 and nothing more", "F.parquet")


def test_ten_thousand_series_keep_their_samples() -> None:
    rows = "".join(f"{at},s{name},{at + name}\n" for at in (0, 60) for name in range(10_000))
    file = read("timestamp,series,value\n" + rows)
    assert len(file.series) == 10_000
    assert file.series[7].series.values.tolist() == [7, 67]
