"""A test bed with ground truth: many guests that fall silent at known instants, and a log of when they did.

    with linked_namespaces() as bed, responding(bed, Setup(guests=bed.guests(50), outages=…)) as responder:
        …                     # probers run in bed.prober(…)
        truth = responder.truth()

`beds` is where guests and probers stand: two network namespaces with a cable between them, or the loopback without
root.  `script` says what becomes of which guest when; `behaviour` computes from it how a guest meets a packet.
`responder` is the process that plays the guests, `truth` what it saw of its own silence.  Nothing here knows a prober:
what one measures is compared with what the responder did, not with what the prober thinks.
"""
