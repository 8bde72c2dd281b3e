-- A phone's last request is kept as it came, private parts and all: where one of them is erased it goes, and that parcel is
-- answered no more.
CREATE TRIGGER erased_parcel AFTER INSERT ON erased
BEGIN
    DELETE FROM office_parcel WHERE incarnation IN (SELECT incarnation FROM chain WHERE entry = new.entry);
END;
