# SPDX-License-Identifier: Apache-2.0
"""A connection to MySQL or MariaDB that does nothing twice or for nothing."""

import datetime
import functools

from pymysql import converters
from pymysql import protocol
import pymysql.connections
from pymysql.constants import FIELD_TYPE
from pymysql.constants import SERVER_STATUS

# Descriptions of columns to remember. The statements of this service have a
# few hundred.
COLUMNS = 2048

# The first byte of a column: its length itself up to the first of these, that
# it is NULL, or in how many bytes the length follows (MySQL's protocol,
# "length-encoded integer").
NULL = 251
LENGTHS = {252: 2, 253: 3, 254: 8}

# PyMySQL reads times with a regular expression, and gives back as text what is
# none. That took a third of the processor time of a page.
CONVERSIONS = converters.conversions | dict.fromkeys(
    (FIELD_TYPE.DATETIME, FIELD_TYPE.TIMESTAMP),
    datetime.datetime.fromisoformat)


class Connection(pymysql.connections.Connection):
    """Ends transactions only where there is one, and knows columns again.

    The server says with the answers to BEGIN, COMMIT, ROLLBACK and whatever
    writes whether a transaction is open. The driver for PostgreSQL does the
    same by itself.

    The server describes each column of each result, in the same bytes every
    time. To parse them was a sixth of what it costs to read one allocation.
    The columns of a row are read in one loop; as calls of three functions each
    they took half the processor time of a page.
    """

    def _is_in_transaction(self):
        return bool(self.server_status
                    & SERVER_STATUS.SERVER_STATUS_IN_TRANS)

    def commit(self):
        if self._is_in_transaction():
            super().commit()

    def rollback(self):
        if self._is_in_transaction():
            super().rollback()

    def _read_packet(self, packet_type=protocol.MysqlPacket):
        if packet_type is protocol.FieldDescriptorPacket:
            packet_type = _column
        return super()._read_packet(packet_type)

    def _read_query_result(self, unbuffered=False):
        if unbuffered:
            return super()._read_query_result(unbuffered)
        # What the server has not answered completely is no result.
        self._result = None
        result = Result(self)
        result.read()
        self._result = result
        if result.server_status is not None:
            self.server_status = result.server_status
        return result.affected_rows


class Result(pymysql.connections.MySQLResult):
    """Reads the columns of each row in one loop."""

    def _read_row_from_packet(self, packet):
        data = packet.get_all_data()
        position = 0
        row: list = []
        try:
            for encoding, convert in self.converters:
                length = data[position]
                position += 1
                if length == NULL:
                    row.append(None)
                    continue
                if length > NULL:
                    size = LENGTHS[length]
                    length = int.from_bytes(
                        data[position:position + size], 'little')
                    position += size
                value = data[position:position + length]
                position += length
                if encoding is not None:
                    value = value.decode(encoding)
                row.append(value if convert is None else convert(value))
        except (IndexError, KeyError):
            position = -1
        if position != len(data):
            # The driver knows what to think of it.
            return super()._read_row_from_packet(packet)
        return tuple(row)


# Nobody changes one that has been parsed.
@functools.lru_cache(COLUMNS)
def _column(data, encoding):
    return protocol.FieldDescriptorPacket(data, encoding)
