"""Rating agencies: ``choice`` says whom to ask, ``asking`` asks in order, ``fetching`` asks one agency,
``purse`` pays, ``news`` tells what a report changes, ``watching`` what the agency itself tells.

Reports that come as files are ``files``; consultants' reports and trade references are ``advice``;
``matches`` are decisions on which company of an agency a customer is.
"""
