"""Prints the table of core/src/event/privacy/calling.rs: calling codes, and a bit for every length of
their national numbers."""

import phonenumbers


def lengths(code, region):
    metadata = phonenumbers.PhoneMetadata.metadata_for_region_or_calling_code(code, region)
    return metadata.general_desc.possible_length


for code, regions in sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items()):
    mask = 0
    for region in regions:
        for length in lengths(code, region):
            mask |= 1 << length
    print(f"({code}, 0x{mask:05x}),")
