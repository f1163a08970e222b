from cellular.at.fields import is_read_answer, number, split


def test_split_keeps_commas_in_quotes_and_empty_fields():
    assert split(b'5,1,"0001","A,B",9,,,"00100011"') == ["5", "1", "0001", "A,B", "9", None, None, "00100011"]
    assert split(b"") == [None]
    assert split(b'"open') == ["open"]
    assert split(b'1, "x" ,2') == ["1", "x", "2"]


def test_split_never_fails_on_garbage():
    assert len(split(b'\xff\xfe,"\x80",')) == 3


def test_number():
    f = split(b'3,,"x",12')
    assert (number(f, 0), number(f, 1), number(f, 2), number(f, 3), number(f, 9)) == (3, None, None, 12, None)


def test_read_answer_and_urc_of_one_prefix():
    def shape(text):
        line = b"+CEREG: " + text
        return is_read_answer(line, 0, len(line))

    for text in (b"0,1", b'5,1,"0001","0000ABCD",9', b"5,3,,,,0,15", b"2,10"):
        assert shape(text), text
    for text in (b"1", b'1,"0001","0000ABCD",9', b"3,,,,0,15", b"1,9C40,023DC10D,9", b"5,0001,0000ABCD"):
        assert not shape(text), text
