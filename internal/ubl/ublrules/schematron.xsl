<?xml version="1.0" encoding="UTF-8"?>
<!-- Turns rules in Schematron (ISO/IEC 19757-3) into a stylesheet that reports in SVRL, as far as XRechnung's rules need it:
     ns, include of variables, let, pattern, rule and assert. Variables of patterns become global ones, and the first rule of
     a pattern that matches a node is the only one that fires. -->
<xsl:stylesheet version="2.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:out="urn:out" xmlns:svrl="http://purl.oclc.org/dsdl/svrl"
  xpath-default-namespace="http://purl.oclc.org/dsdl/schematron">
  <xsl:namespace-alias stylesheet-prefix="out" result-prefix="xsl"/>
  <xsl:output indent="yes"/>

  <xsl:template match="/schema">
    <xsl:variable name="included" select="include/document(replace(@href, '^.*/', ''), .)/pattern"/>
    <out:stylesheet version="2.0">
      <xsl:for-each select="ns">
        <xsl:namespace name="{@prefix}" select="@uri"/>
      </xsl:for-each>
      <xsl:apply-templates select="$included/let | let | pattern/let"/>
      <out:template match="/">
        <svrl:schematron-output>
          <xsl:for-each select="pattern">
            <out:apply-templates select="//*" mode="{generate-id()}"/>
          </xsl:for-each>
        </svrl:schematron-output>
      </out:template>
      <xsl:apply-templates select="pattern"/>
    </out:stylesheet>
  </xsl:template>

  <xsl:template match="let">
    <out:variable name="{@name}" select="{@value}"/>
  </xsl:template>

  <xsl:template match="pattern">
    <out:template match="node()" mode="{generate-id()}" priority="-1"/>
    <xsl:apply-templates select="rule"/>
  </xsl:template>

  <xsl:template match="rule">
    <out:template match="{@context}" mode="{generate-id(..)}" priority="{1000 - position()}">
      <svrl:fired-rule/>
      <xsl:apply-templates select="let | assert"/>
    </out:template>
  </xsl:template>

  <xsl:template match="assert">
    <out:if test="not({@test})">
      <svrl:failed-assert id="{@id}" flag="{@flag}">
        <svrl:text><xsl:value-of select="normalize-space(.)"/></svrl:text>
      </svrl:failed-assert>
    </out:if>
  </xsl:template>
</xsl:stylesheet>
