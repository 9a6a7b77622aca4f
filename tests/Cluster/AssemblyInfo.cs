using QuaRot.Cluster.Tests.Support;

[assembly: AssemblyFixture(typeof(QuantizedLexi))]
